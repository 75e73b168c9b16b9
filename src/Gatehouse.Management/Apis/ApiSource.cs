using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// An API as it lies in a version control system: its OpenAPI document, and what is said beside it. The two make the
/// definition, whatever there was before, so that equal sources make equal APIs.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApiSource
{
    /// <summary>The members of <see cref="ApiDefinition"/> that the document does not say, or says otherwise.</summary>
    public JsonObject Settings
    {
        // Generated readers do not run initializers.
        get => field ?? [];
        init;
    }

    /// <summary>Policies of single operations beside those of the document.</summary>
    public ImmutableArray<OperationSource> Operations
    {
        get => field.IsDefault ? [] : field;
        init;
    }

    /// <summary>The OpenAPI document.</summary>
    [JsonRequired]
    public string Document
    {
        get => field ?? "";
        init;
    }

    private static readonly FrozenSet<string> s_ofDocument =
    [
        "name",
        "version",
        "operations",
        "scopes",
        "document",
        "specification",
        "contract",
        "credential",
        "sandboxCredential",
    ];

    /// <summary>The members that <see cref="Settings"/> may hold.</summary>
    public static ImmutableArray<string> SettingNames { get; } =
    [
        .. DefinitionJson
            .Default.ApiDefinition.Properties.Where(p => p.Get is not null && !s_ofDocument.Contains(p.Name))
            .Select(p => p.Name),
    ];

    /// <summary>Everything that is wrong with it that can be told without a catalogue.</summary>
    public ImmutableArray<Problem> Check(string name, string version)
    {
        try
        {
            var document = OpenApiReader.Read(System.Text.Encoding.UTF8.GetBytes(Document));
            return ApiRules.Check(ToDefinition(name, version, document, default));
        }
        catch (ProblemsException wrong)
        {
            return wrong.Problems;
        }
        catch (JsonException wrong)
        {
            return
            [
                new(
                    (wrong.Path ?? "").TrimStart('$').Replace('.', '/'),
                    $"This cannot be read: {wrong.Message.Split(" Path:")[0]}"
                ),
            ];
        }
    }

    /// <summary>
    /// The source of what an import of <paramref name="text"/> with these settings makes of nothing. Throws
    /// <see cref="ProblemsException"/> with everything that is wrong with the document.
    /// </summary>
    public static ApiSource Of(ImportSettings settings, string text, bool isDefaultVersion)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        var document = OpenApiReader.Read(bytes);
        var definition = settings.Apply(document, Digest.Of(bytes), existing: null);
        return Of(definition with { IsDefaultVersion = isDefaultVersion }, document, text);
    }

    /// <summary>The source of a definition that was made of <paramref name="text"/>.</summary>
    internal static ApiSource Of(ApiDefinition definition, OpenApiDocument document, string text)
    {
        var plain = Plain(document, definition.Name, definition.Version, definition.Document ?? default);
        var (own, given) = (Json(definition), Json(plain));
        var settings = new JsonObject();
        foreach (var name in SettingNames)
        {
            if (!JsonNode.DeepEquals(own[name], given[name]))
            {
                settings[name] = own[name]?.DeepClone();
            }
        }

        var read = plain.Operations.ToDictionary(o => (o.Method, o.Path));
        return new()
        {
            Settings = settings,
            Operations =
            [
                .. definition
                    .Operations.Where(o =>
                        read.TryGetValue((o.Method, o.Path), out var before)
                        && !SamePolicies(o.Policies, before.Policies)
                    )
                    .Select(o => new OperationSource(o.Method, o.Path, o.Policies)),
            ],
            Document = text,
        };
    }

    /// <summary>The definition it makes. Throws <see cref="ProblemsException"/> with everything that is wrong.</summary>
    internal ApiDefinition ToDefinition(string name, string version, OpenApiDocument document, Digest digest)
    {
        var plain = Plain(document, name, version, digest);
        var json = Json(plain);
        var problems = ImmutableArray.CreateBuilder<Problem>();
        foreach (var (key, value) in Settings)
        {
            if (SettingNames.Contains(key))
            {
                json[key] = value?.DeepClone();
            }
            else
            {
                problems.Add(
                    new(
                        $"/{Excerpt.Of(key)}",
                        $"'{Excerpt.Of(key)}' is no setting of an API",
                        $"take of {string.Join(", ", SettingNames)}"
                    )
                );
            }
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }

        var definition =
            json.Deserialize(DefinitionJson.Default.ApiDefinition)
            ?? throw new JsonException("The settings of an API are an object.");
        var operations = definition.Operations;
        foreach (var own in Operations)
        {
            var at = operations.FirstOrDefault(o => o.Method == own.Method && o.Path == own.Path);
            if (at is null)
            {
                problems.Add(
                    new(
                        "/operations",
                        $"The document has no operation {Excerpt.Of($"{own.Method} {own.Path}")}",
                        "add it there, or leave its policies out"
                    )
                );
            }
            else
            {
                operations = operations.Replace(at, at with { Policies = own.Policies });
            }
        }

        return problems.Count > 0
            ? throw new ProblemsException(problems.ToImmutable())
            : definition with
            {
                Operations = operations,
                Policy = definition.Policy == Plan.Unlimited ? null : definition.Policy,
            };
    }

    private static ApiDefinition Plain(OpenApiDocument document, string name, string version, Digest digest) =>
        new ImportSettings { Name = name, Version = version }.Apply(document, digest, existing: null);

    private static JsonObject Json(ApiDefinition definition) =>
        JsonSerializer.SerializeToNode(definition, DefinitionJson.Default.ApiDefinition)!.AsObject();

    private static bool SamePolicies(ImmutableArray<PolicyUse> one, ImmutableArray<PolicyUse> other) =>
        JsonNode.DeepEquals(
            JsonSerializer.SerializeToNode(one, ManagementJson.Default.ImmutableArrayPolicyUse),
            JsonSerializer.SerializeToNode(other, ManagementJson.Default.ImmutableArrayPolicyUse)
        );
}

/// <summary>The policies of one operation.</summary>
/// <param name="Method">Upper-case HTTP method.</param>
/// <param name="Path">Path template.</param>
/// <param name="Policies">Its policies.</param>
public sealed record OperationSource(
    [property: JsonRequired] string Method,
    [property: JsonRequired] string Path,
    [property: JsonRequired] ImmutableArray<PolicyUse> Policies
);

/// <summary>What a source makes, or would make.</summary>
/// <param name="Before">The definition there was; null for none.</param>
/// <param name="After">The definition it makes.</param>
/// <param name="Warnings">What is wrong in the document but changes nothing for the gateway.</param>
public sealed record SourceResult(ApiDefinition? Before, ApiDefinition After, ImmutableArray<Problem> Warnings);
