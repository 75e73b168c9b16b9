using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Reads OpenAPI 2.0, 3.0 and 3.1 in JSON or YAML. All problems are found in one pass, each with JSON pointer, line and
/// column; a document with a problem gives nothing. Nothing is fetched: a reference or URL in a document would otherwise let
/// whoever writes it make the manager call into its own network.
/// </summary>
public static class OpenApiReader
{
    /// <summary>Reads <paramref name="text"/>. Throws <see cref="ProblemsException"/> and nothing else on bad input.</summary>
    public static OpenApiDocument Read(ReadOnlyMemory<byte> text)
    {
        DocumentNode root;
        bool isJson;
        try
        {
            root = DocumentReader.Read(text, out isJson);
        }
        catch (DocumentException e)
        {
            throw new ProblemsException([e.Problem]);
        }

        var problems = new ProblemList();
        var specVersion = SpecVersion(root, problems);
        if (specVersion is null)
        {
            throw new ProblemsException(problems.Problems);
        }

        var isVersion2 = specVersion == "2.0";
        var references = new References(root);
        new ShapeCheck(references, problems).Check(
            root,
            isVersion2 ? OpenApiGrammar.Version2 : OpenApiGrammar.Version3
        );
        var title = NotEmpty(root, "title", problems);
        var version = NotEmpty(root, "version", problems);
        var policies = new PolicyReader(problems).Read(root, ofOperation: false);
        var reader = new OperationReader(root, references, problems, policies);
        var operations = reader.Read();
        var servers = isVersion2 ? Servers.OfVersion2(root) : Servers.OfVersion3(root, problems);
        var endpoints = EndpointReader.Read(root, EndpointReader.Production, problems);
        var sandbox = EndpointReader.Read(root, EndpointReader.Sandbox, problems);
        if (problems.HasProblems)
        {
            throw new ProblemsException(problems.Problems);
        }

        return new()
        {
            SpecVersion = specVersion,
            Title = title,
            Version = version,
            Description = root["info"]?["description"]?.Text ?? "",
            Operations = operations,
            Summaries = reader.Summaries,
            Scopes = ScopeReader.Read(root),
            Access = AccessReader.Read(root),
            Policies = policies,
            Servers = servers,
            Endpoints = endpoints,
            SandboxEndpoints = sandbox,
            Policy = OperationReader.PolicyOf(root),
            MediaType = isJson ? "application/json" : "application/yaml",
            Warnings = problems.Warnings,
        };
    }

    private static string? SpecVersion(DocumentNode root, ProblemList problems)
    {
        const string Fix = "hand in an OpenAPI 2.0, 3.0 or 3.1 document";
        if (root.Kind != NodeKind.Object)
        {
            problems.Add(root, "An OpenAPI document is an object, and this is not one", Fix);
            return null;
        }

        var (name, node) = root["openapi"] is { } three ? ("openapi", three) : ("swagger", root["swagger"]);
        if (node is null)
        {
            problems.Add(
                root,
                "There is neither 'openapi' nor 'swagger', so the version of the specification is not known",
                "add 'openapi: 3.1.0' (or the version the document is written in)"
            );
            return null;
        }

        var version = node.Text;
        var isKnown =
            name == "swagger"
                ? version is "2.0" or "2"
                : version is "3.0" or "3.1"
                    || version.StartsWith("3.0.", StringComparison.Ordinal)
                    || version.StartsWith("3.1.", StringComparison.Ordinal);
        if (isKnown && version.Length <= 16)
        {
            return name == "swagger" ? "2.0" : version;
        }

        problems.Add(node, $"{name} '{Excerpt.Of(version)}' cannot be read", Fix, name);
        return null;
    }

    private static string NotEmpty(DocumentNode root, string name, ProblemList problems)
    {
        var node = root["info"]?[name];
        if (node is { Kind: NodeKind.String } && string.IsNullOrWhiteSpace(node.Text))
        {
            problems.Down("info");
            problems.Add(node, $"'{name}' is empty", name: name);
            problems.Up();
        }

        return node?.Text.Trim() ?? "";
    }
}
