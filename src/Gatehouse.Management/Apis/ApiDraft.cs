using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>An API that begins without a document. One is written for it, so that all APIs have one and are edited alike.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed partial record ApiDraft
{
    private const int MostOperations = 1000;

    /// <summary>Its name.</summary>
    [JsonRequired]
    public string Name { get; init; } = "";

    /// <summary>Its version.</summary>
    [JsonRequired]
    public string Version { get; init; } = "";

    /// <summary>Its context; <c>/name</c> when null.</summary>
    public string? Context { get; init; }

    /// <summary>For people.</summary>
    public string? Description { get; init; }

    /// <summary>Production backends.</summary>
    public ImmutableArray<string> Endpoints { get; init; } = [];

    /// <summary>Sandbox backends.</summary>
    public ImmutableArray<string> SandboxEndpoints { get; init; } = [];

    /// <summary>Ways in with commas between, or <c>none</c>; <c>apikey</c> when null.</summary>
    public string? Auth { get; init; }

    /// <summary>What it offers, such as <c>GET /pets/{id}</c>; when empty <c>GET</c>, <c>POST</c>, <c>PUT</c>, <c>PATCH</c> and <c>DELETE</c> of <c>/*</c>, as WSO2 begins.</summary>
    public ImmutableArray<string> Operations { get; init; } = [];

    internal ImportSettings Settings =>
        new()
        {
            Name = Name,
            Version = Version,
            Context = Context,
            Endpoints = Endpoints.IsDefault ? [] : Endpoints,
            SandboxEndpoints = SandboxEndpoints.IsDefault ? [] : SandboxEndpoints,
            Auth = Auth,
        };

    /// <summary>An OpenAPI 3.1 document of it. Throws <see cref="ProblemsException"/> for operations that cannot be read.</summary>
    internal byte[] ToDocument()
    {
        var paths = new JsonObject();
        var problems = ImmutableArray.CreateBuilder<Problem>();
        var operations = Operations.IsDefaultOrEmpty
            ? [.. from method in (string[])["GET", "POST", "PUT", "PATCH", "DELETE"] select $"{method} /*"]
            : Operations;
        if (operations.Length > MostOperations)
        {
            problems.Add(new("/operations", $"There are more than {MostOperations}", "import an OpenAPI document"));
        }

        for (var i = 0; i < Math.Min(operations.Length, MostOperations); i++)
        {
            if (
                operations[i].Split(' ', 2, StringSplitOptions.TrimEntries) is not [var method, ['/', ..] path]
                || !Method().IsMatch(method)
            )
            {
                problems.Add(
                    new(
                        $"/operations/{i}",
                        $"'{Excerpt.Of(operations[i])}' is no operation",
                        "write method and path, such as GET /pets/{id}"
                    )
                );
                continue;
            }

            paths[path] ??= new JsonObject();
            paths[path]![method.ToLowerInvariant()] = Operation(path);
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }

        var document = new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = Name,
                ["version"] = Version,
                ["description"] = Description ?? "",
            },
            ["paths"] = paths,
        };
        return JsonSerializer.SerializeToUtf8Bytes(
            document,
            new JsonSerializerOptions(JsonSerializerDefaults.General)
            {
                WriteIndented = true,
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // served as JSON with nosniff, never in a page
                TypeInfoResolver = ManagementJson.Default,
            }.GetTypeInfo(typeof(JsonNode))
        );
    }

    private static JsonObject Operation(string path)
    {
        var operation = new JsonObject();
        var parameters = Parameter()
            .Matches(path)
            .Select(m =>
                (JsonNode)
                    new JsonObject
                    {
                        ["name"] = m.Groups[1].Value,
                        ["in"] = "path",
                        ["required"] = true,
                        ["schema"] = new JsonObject { ["type"] = "string" },
                    }
            )
            .ToArray();
        if (parameters.Length > 0)
        {
            operation["parameters"] = new JsonArray(parameters);
        }

        operation["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "ok" } };
        return operation;
    }

    [GeneratedRegex(@"\A(?i:get|put|post|delete|options|head|patch|trace)\z")]
    private static partial Regex Method();

    [GeneratedRegex(@"\{([^{}/]+)\}")]
    private static partial Regex Parameter();
}
