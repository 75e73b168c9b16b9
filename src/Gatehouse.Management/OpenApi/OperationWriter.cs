using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Writes what <see cref="AccessReader"/> and <see cref="OperationReader"/> read: <c>x-auth-type</c>, <c>security</c> and
/// <c>x-throttling-tier</c> of operations, and the scopes of OAuth2 schemes. Only what differs is written.
/// </summary>
internal sealed class OperationWriter(DocumentEditor editor)
{
    private readonly DocumentNode _root = editor.Root;

    /// <summary>Makes the document say <paramref name="wanted"/> of an operation. False when that cannot be done in its text.</summary>
    public bool TryWrite(Operation before, Operation wanted)
    {
        if (
            (before.Open, before.AuthType, before.Policy) == (wanted.Open, wanted.AuthType, wanted.Policy)
            && before.Scopes.SequenceEqual(wanted.Scopes)
        )
        {
            return true;
        }

        string[] way = ["paths", before.Path, before.Method.ToLowerInvariant()];
        if (ScopeReader.Step(_root, way) is not { } operation)
        {
            return false;
        }

        var done = before.Policy == wanted.Policy || TryWritePolicy(way, operation, wanted.Policy);
        var isOpened = wanted.Open && !before.Open;
        var isClosed = !wanted.Open && before.Open;
        if (isOpened || isClosed || before.AuthType != wanted.AuthType)
        {
            done &= TrySet(way, "x-auth-type", wanted.Open ? null : TypeName(wanted.AuthType));
        }

        if (isOpened)
        {
            return done && TrySet(way, "security", new JsonArray()) && TrySet(way, "x-scope", null);
        }

        if (isClosed || !before.Scopes.SequenceEqual(wanted.Scopes))
        {
            done &= TrySet(way, "security", Requirements(operation, wanted.Scopes)) && TrySet(way, "x-scope", null);
        }

        return done;
    }

    /// <summary>Declares a scope with what is said of it; null takes it away. False when that cannot be done in the text.</summary>
    public bool TryWrite(string name, ApiScope? scope)
    {
        var places = ScopeReader.Places(_root).ToList();
        if (scope is not null && places.Count == 0)
        {
            return TryMakeScheme(scope);
        }

        var done = TryLeaveOldList(name);
        foreach (var (way, scopes) in places)
        {
            // Declared in all flows, so that a token may be had by any.
            if (scope is not null || scopes[name] is not null)
            {
                done &= editor.TrySet(
                    [.. way, "scopes", name],
                    scope is null ? null : JsonValue.Create(scope.Description)
                );
            }

            var roles = scope is null or { Roles.IsEmpty: true }
                ? null
                : JsonValue.Create(string.Join(',', scope.Roles));
            if (roles is not null || ScopeReader.Step(_root, [.. way, ScopeReader.Bindings, name]) is not null)
            {
                done &= editor.TrySet([.. way, ScopeReader.Bindings, name], roles);
            }
        }

        return done;
    }

    // WSO2's name for the scheme of an API; the addresses are the key manager's.
    private bool TryMakeScheme(ApiScope scope)
    {
        var scopes = new JsonObject { [scope.Name] = scope.Description };
        var bindings = scope.Roles.IsEmpty ? null : new JsonObject { [scope.Name] = string.Join(',', scope.Roles) };
        var flow = new JsonObject
        {
            ["authorizationUrl"] = "/oauth2/authorize",
            ["tokenUrl"] = "/oauth2/token",
            ["scopes"] = scopes,
        };
        if (bindings is not null)
        {
            flow[ScopeReader.Bindings] = bindings;
        }

        if (_root["swagger"] is not null)
        {
            flow["type"] = "oauth2";
            flow["flow"] = "accessCode";
            return editor.TrySet(["securityDefinitions", SchemeName()], flow);
        }

        return editor.TrySet(
            ["components", "securitySchemes", SchemeName()],
            new JsonObject
            {
                ["type"] = "oauth2",
                ["flows"] = new JsonObject { ["authorizationCode"] = flow },
            }
        );
    }

    private bool TryLeaveOldList(string name)
    {
        if (
            ScopeReader.Step(_root, ScopeReader.OldList) is not { Kind: NodeKind.Array } list
            || list.Items.All(i => i["key"]?.Text != name)
        )
        {
            return true;
        }

        var rest = list.Items.Where(i => i["key"]?.Text != name).Select(PolicyReader.ToJson).ToArray();
        return editor.TrySet(ScopeReader.OldList, new JsonArray(rest));
    }

    private bool TryWritePolicy(string[] way, DocumentNode operation, string? policy)
    {
        var name =
            operation["x-throttling-tier"] is null && operation["x-wso2-throttling-tier"] is not null
                ? "x-wso2-throttling-tier"
                : "x-throttling-tier";
        return TrySet(way, name, policy is null ? null : JsonValue.Create(policy))
            && (policy is not null || TrySet(way, "x-wso2-throttling-tier", null));
    }

    /// <summary>
    /// The requirements of an operation, with any of <paramref name="scopes"/> enough: one requirement each, as OpenAPI says
    /// "or". What asks for no scopes stays beside them. Null when those of the whole document say the same.
    /// </summary>
    private JsonArray? Requirements(DocumentNode operation, ImmutableArray<string> scopes)
    {
        var own = operation["security"]?.Items ?? [];
        var ofAll = _root["security"]?.Items ?? [];
        if (own.Count == 0 && AccessReader.ScopesOf(_root, ofAll).SequenceEqual(scopes))
        {
            return null;
        }

        var present = own.Count > 0 ? own : ofAll;
        var scoped = present.Where(r => r.Members.Any(m => AccessReader.HasScopes(_root, m.Name))).ToList();
        var requirements = new JsonArray();
        foreach (
            var names in scopes.IsEmpty && scoped.Count > 0
                ?
                [
                    [],
                ]
                : scopes.Select(s => (string[])[s])
        )
        {
            requirements.Add((JsonNode)Requirement(scoped.FirstOrDefault(), names));
        }

        foreach (var other in present.Except(scoped))
        {
            requirements.Add(PolicyReader.ToJson(other));
        }

        return requirements.Count == 0 ? null : requirements;
    }

    private JsonObject Requirement(DocumentNode? like, string[] scopes)
    {
        var requirement = new JsonObject();
        var isSaid = false;
        foreach (var member in like?.Members ?? [])
        {
            var takes = AccessReader.HasScopes(_root, member.Name);
            if (takes && isSaid)
            {
                continue;
            }

            requirement[member.Name] = takes ? Names(scopes) : PolicyReader.ToJson(member.Value);
            isSaid |= takes;
        }

        if (!isSaid)
        {
            requirement[SchemeName()] = Names(scopes);
        }

        return requirement;

        static JsonArray Names(string[] scopes) => new([.. scopes.Select(s => (JsonNode)JsonValue.Create(s))]);
    }

    private string SchemeName() =>
        (_root["components"]?["securitySchemes"] ?? _root["securityDefinitions"])
            ?.Members.FirstOrDefault(s => s.Value["type"]?.Text == "oauth2")
            ?.Name
        ?? "default";

    private bool TrySet(string[] way, string name, JsonNode? value) => editor.TrySet([.. way, name], value);

    private static JsonNode? TypeName(AuthType type) =>
        type switch
        {
            AuthType.Application => JsonValue.Create("Application"),
            AuthType.ApplicationUser => JsonValue.Create("Application User"),
            _ => null,
        };
}
