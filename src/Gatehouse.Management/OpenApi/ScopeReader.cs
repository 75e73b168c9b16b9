using System.Collections.Immutable;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// The scopes a document declares: in the flows of its OAuth2 schemes, with the roles that WSO2 writes beside them as
/// <c>x-scopes-bindings</c>, and WSO2 1.x's <c>x-wso2-security/apim/x-wso2-scopes</c>. Sorted by name.
/// </summary>
internal static class ScopeReader
{
    /// <summary>Roles of the scopes of a flow (OpenAPI 3) or scheme (2.0): names with commas between, by scope.</summary>
    public const string Bindings = "x-scopes-bindings";

    /// <summary>The way to WSO2 1.x's list.</summary>
    public static readonly string[] OldList = ["x-wso2-security", "apim", "x-wso2-scopes"];

    private const int MostScopes = 1000;

    public static ImmutableArray<ApiScope> Read(DocumentNode root)
    {
        var scopes = new SortedDictionary<string, ApiScope>(StringComparer.Ordinal);
        foreach (var (way, node) in Places(root))
        {
            var bindings = Step(root, way)?[Bindings];
            foreach (var scope in node.Members.Where(m => AccessReader.IsScope(m.Name)))
            {
                Add(
                    scope.Name,
                    scope.Value.Kind == NodeKind.String ? scope.Value.Text : "",
                    bindings?[scope.Name]?.Text
                );
            }
        }

        foreach (var old in Step(root, OldList)?.Items ?? [])
        {
            if (old["key"] is { Kind: NodeKind.String } key && AccessReader.IsScope(key.Text))
            {
                Add(key.Text, old["description"]?.Text ?? old["name"]?.Text ?? "", old["roles"]?.Text);
            }
        }

        return [.. scopes.Values.Take(MostScopes)];

        // Of several flows that declare one, the first says something.
        void Add(string name, string description, string? roles)
        {
            var before = scopes.GetValueOrDefault(name);
            scopes[name] = new()
            {
                Name = name,
                Description = before is { Description.Length: > 0 } ? before.Description : description,
                Roles = before is { Roles.IsEmpty: false } ? before.Roles : RolesOf(roles),
            };
        }
    }

    /// <summary>The objects that hold scopes, with the way to the object that holds them and their roles.</summary>
    public static IEnumerable<(string[] Way, DocumentNode Scopes)> Places(DocumentNode root)
    {
        string[] schemes = root["swagger"] is null ? ["components", "securitySchemes"] : ["securityDefinitions"];
        foreach (var scheme in Step(root, schemes)?.Members ?? [])
        {
            if (scheme.Value["type"]?.Text != "oauth2")
            {
                continue;
            }

            string[] way = [.. schemes, scheme.Name];
            if (scheme.Value["scopes"] is { Kind: NodeKind.Object } scopes)
            {
                yield return (way, scopes);
            }

            foreach (var flow in scheme.Value["flows"]?.Members ?? [])
            {
                if (flow.Value["scopes"] is { Kind: NodeKind.Object } declared)
                {
                    yield return ([.. way, "flows", flow.Name], declared);
                }
            }
        }
    }

    /// <summary>The node that <paramref name="way"/> leads to; null when there is none.</summary>
    public static DocumentNode? Step(DocumentNode? node, ReadOnlySpan<string> way)
    {
        foreach (var name in way)
        {
            node = node?[name];
        }

        return node;
    }

    private static ImmutableArray<string> RolesOf(string? names) =>
        [
            .. (names ?? "")
                .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal)
                .Take(64),
        ];
}
