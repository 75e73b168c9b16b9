using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>The operations of a document: its paths times their methods.</summary>
internal sealed class OperationReader(
    DocumentNode root,
    References references,
    ProblemList problems,
    ImmutableArray<PolicyUse> ofApi
)
{
    // Far above what fits into one entity of the feed.
    private const int MaxOperations = 20_000;

    // Of one list; a path item may be referred to from every path.
    private const int MaxParametersChecked = 256;

    private const int MostSummary = 200;

    private readonly Dictionary<string, DocumentMember> _shapes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DocumentNode> _ids = new(StringComparer.Ordinal);
    private readonly List<Operation> _operations = [];
    private readonly PolicyReader _policies = new(problems);
    private readonly MockExamples _examples = new(references);

    /// <summary>What operations do, by method and path.</summary>
    public Dictionary<(string Method, string Path), string> Summaries { get; } = [];

    public ImmutableArray<Operation> Read()
    {
        // A missing or mistyped 'paths' is a problem already.
        if (root["paths"] is not { Kind: NodeKind.Object } paths)
        {
            return [];
        }

        problems.Down("paths");
        foreach (var path in paths.Members.Where(p => !p.Name.StartsWith("x-", StringComparison.Ordinal)))
        {
            ReadPath(path);
            if (_operations.Count > MaxOperations)
            {
                problems.Add(
                    path.Line,
                    path.Column,
                    $"There are more than {MaxOperations} operations",
                    "split the document into several APIs"
                );
                break;
            }
        }

        if (_operations.Count == 0 && !problems.HasProblems)
        {
            problems.Add(paths, "There is no operation to serve", "add a path with at least one method");
        }

        problems.Up();
        return
        [
            .. _operations.OrderBy(o => o.Path, StringComparer.Ordinal).ThenBy(o => o.Method, StringComparer.Ordinal),
        ];
    }

    private void ReadPath(DocumentMember path)
    {
        if (PathTemplates.Problem(path.Name) is var (message, fix))
        {
            problems.Add(path.Line, path.Column, $"{message}: '{Excerpt.Of(path.Name)}'", fix, path.Name);
            return;
        }

        var shape = PathTemplates.ShapeOf(path.Name);
        if (_shapes.TryGetValue(shape, out var first))
        {
            problems.Add(
                path.Line,
                path.Column,
                $"'{Excerpt.Of(path.Name)}' means the same calls as '{Excerpt.Of(first.Name)}' on line {first.Line}",
                "put their operations under one of them",
                path.Name
            );
            return;
        }

        _shapes.Add(shape, path);
        problems.Down(path.Name);
        var item = Target(path.Value);
        foreach (var method in OpenApiGrammar.Methods)
        {
            if (item?[method] is { Kind: NodeKind.Object } operation)
            {
                ReadOperation(path.Name, method, item, operation);
            }
        }

        problems.Up();
    }

    private void ReadOperation(string path, string method, DocumentNode item, DocumentNode operation)
    {
        problems.Down(method);
        CheckId(operation);
        CheckPathParameters(path, item, operation);
        var scopes = AccessReader.ScopesOf(root, operation, out var narrower);
        if (narrower)
        {
            problems.Warn(
                operation,
                "Several scopes stand in one requirement: one of them is enough here, as in WSO2",
                "where all are needed, let the backend ask for the others",
                "security"
            );
        }

        if (operation["summary"] is { Kind: NodeKind.String, Text.Length: > 0 } summary)
        {
            Summaries[(method.ToUpperInvariant(), path)] =
                summary.Text.Length <= MostSummary ? summary.Text : summary.Text[..MostSummary] + "…";
        }

        _operations.Add(
            new()
            {
                Method = method.ToUpperInvariant(),
                Path = path,
                Open = IsOpen(operation),
                AuthType = AccessReader.TypeOf(operation),
                Scopes = scopes,
                Policies = PoliciesOf(operation),
                Policy = PolicyOf(operation),
            }
        );
        problems.Up();
    }

    // "security: []" on the operation itself takes all security away; so does WSO2's extension. At the top of the document
    // the empty list says nothing about the API here: --auth decides.
    private static bool IsOpen(DocumentNode operation) =>
        operation["security"] is { Kind: NodeKind.Array, Items.Count: 0 }
        || string.Equals(operation["x-auth-type"]?.Text, "None", StringComparison.OrdinalIgnoreCase);

    // A mock without answers of its own takes the document's: each operation has other ones, so it becomes the operation's.
    private ImmutableArray<PolicyUse> PoliciesOf(DocumentNode operation)
    {
        var uses = _policies.Read(operation, ofOperation: true);
        var mock = uses.FirstOrDefault(u => u.Name == "mock") ?? ofApi.FirstOrDefault(u => u.Name == "mock");
        if (
            mock is null
            || PolicyKinds.Find("mock")!.Read(mock.Settings, "", new List<Problem>())
                is not MockSettings { Answers.IsEmpty: true }
        )
        {
            return uses;
        }

        var answers = _examples.Of(operation);
        if (answers.IsEmpty)
        {
            problems.Add(
                operation,
                "The operation is mocked and its responses have no example",
                "add an example, or answers to the settings of mock",
                "responses"
            );
            return uses;
        }

        return
        [
            .. uses.Where(u => u.Name != "mock"),
            new()
            {
                Name = "mock",
                Settings = JsonSerializer.SerializeToElement(
                    new MockSettings { Answers = answers },
                    PolicyDocumentJson.Default.MockSettings
                ),
            },
        ];
    }

    /// <summary>The API policy that an operation, or the whole document, names; none for WSO2's word for no bound.</summary>
    public static string? PolicyOf(DocumentNode node) =>
        (node["x-throttling-tier"] ?? node["x-wso2-throttling-tier"])?.Text is { Length: > 0 } name
        && name != Plan.Unlimited
            ? name
            : null;

    private void CheckId(DocumentNode operation)
    {
        if (operation["operationId"] is { Kind: NodeKind.String } id && !_ids.TryAdd(id.Text, id))
        {
            problems.Warn(
                id,
                $"The operationId '{Excerpt.Of(id.Text)}' is taken on line {_ids[id.Text].Line}",
                "client generators need unique ones",
                "operationId"
            );
        }
    }

    private void CheckPathParameters(string path, DocumentNode item, DocumentNode operation)
    {
        var declared = new HashSet<string>(StringComparer.Ordinal);
        foreach (var list in (DocumentNode?[])[item["parameters"], operation["parameters"]])
        {
            foreach (var parameter in (list?.Items ?? []).Take(MaxParametersChecked))
            {
                if (Target(parameter) is { } target && target["in"]?.Text == "path")
                {
                    declared.Add(target["name"]?.Text ?? "");
                }
            }
        }

        foreach (var name in PathTemplates.ParametersOf(path).Where(n => !declared.Remove(n)))
        {
            problems.Warn(operation, $"The path parameter '{Excerpt.Of(name)}' is not declared", name: "parameters");
        }

        foreach (var name in declared)
        {
            problems.Warn(
                operation,
                $"The parameter '{Excerpt.Of(name)}' is declared as part of the path, which has no such part",
                name: "parameters"
            );
        }
    }

    /// <summary>The node itself, or what it refers to; null when that is nowhere, which is a problem already.</summary>
    private DocumentNode? Target(DocumentNode node) =>
        node["$ref"] is not { Kind: NodeKind.String } reference ? node
        : references.TryResolve(reference.Text, out var target, out _) ? target
        : null;
}
