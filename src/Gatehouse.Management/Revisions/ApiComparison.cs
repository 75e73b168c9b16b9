using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// Two states of an API, told apart in words. What is long or may hold secrets is told by eight digits of its digest, which say
/// that it changed and nothing of what it is.
/// </summary>
internal static class ApiComparison
{
    /// <summary>What changes for callers and backends from <paramref name="before"/> to <paramref name="after"/>.</summary>
    public static ImmutableArray<ApiChange> Compare(ApiDefinition before, ApiDefinition after)
    {
        var changes = ImmutableArray.CreateBuilder<ApiChange>();
        Add("context", before.Context, after.Context, breaking: true);
        Add(
            "security",
            Text(before.Security, "none"),
            Text(after.Security, "none"),
            breaking: after.Security.Except(before.Security).Any() && !after.Security.IsEmpty
        );
        Add("access", Text(before.Access), Text(after.Access), breaking: true);
        Add("endpoints", Text(before.Endpoints), Text(after.Endpoints), breaking: false);
        Add("spread", Text(before.Spread), Text(after.Spread), false);
        Add("sandbox endpoints", Text(before.SandboxEndpoints, "none"), Text(after.SandboxEndpoints, "none"), false);
        Add("sandbox spread", Text(before.SandboxSpread), Text(after.SandboxSpread), false);
        Add("credential", Text(before.Credential), Text(after.Credential), false);
        Add("sandbox credential", Text(before.SandboxCredential), Text(after.SandboxCredential), false);
        Add("backend authorities", Marked(before.BackendAuthorities), Marked(after.BackendAuthorities), false);
        Add("connect timeout", Text(before.ConnectTimeout), Text(after.ConnectTimeout), false);
        Add("response timeout", Text(before.ResponseTimeout), Text(after.ResponseTimeout), false);
        Add("default version", Text(before.IsDefaultVersion), Text(after.IsDefaultVersion), before.IsDefaultVersion);
        Add("%2F in paths", Text(before.AllowEncodedSlash), Text(after.AllowEncodedSlash), before.AllowEncodedSlash);
        Add("; in paths", Text(before.AllowSemicolon), Text(after.AllowSemicolon), before.AllowSemicolon);
        Add("limit", before.Policy ?? "none", after.Policy ?? "none", false);
        Add("most requests a second", Text(before.MaxTps), Text(after.MaxTps), false);
        Add("most sandbox requests a second", Text(before.SandboxMaxTps), Text(after.SandboxMaxTps), false);
        Add("policies", Text(before.Policies), Text(after.Policies), false);
        Add("description", before.Description, after.Description, false);

        var (old, now) = (ByName(before), ByName(after));
        foreach (var name in old.Keys.Union(now.Keys).Order(StringComparer.Ordinal))
        {
            var (was, isNow) = (old.GetValueOrDefault(name), now.GetValueOrDefault(name));
            Add($"operation {name}", Text(was), Text(isNow), was is not null && IsClosedTo(was, isNow));
        }

        foreach (
            var name in before.Scopes.Concat(after.Scopes).Select(s => s.Name).Distinct().Order(StringComparer.Ordinal)
        )
        {
            var (was, isNow) = (
                before.Scopes.FirstOrDefault(s => s.Name == name),
                after.Scopes.FirstOrDefault(s => s.Name == name)
            );
            Add($"scope {name}", Text(was), Text(isNow), was is not null && IsClosedTo(was, isNow));
        }

        return changes.ToImmutable();

        void Add(string what, string? from, string? to, bool breaking)
        {
            if (from != to)
            {
                changes.Add(new(what, from, to, breaking));
            }
        }
    }

    // True when somebody who could call it may not any more.
    private static bool IsClosedTo(Operation was, Operation? isNow) =>
        isNow is null
        || (was.Open && !isNow.Open)
        || (isNow.AuthType != was.AuthType && isNow.AuthType != AuthType.Any)
        || (!isNow.Scopes.IsEmpty && (was.Scopes.IsEmpty || was.Scopes.Except(isNow.Scopes).Any()));

    private static bool IsClosedTo(ApiScope was, ApiScope? isNow) =>
        isNow is null || (!isNow.Roles.IsEmpty && (was.Roles.IsEmpty || was.Roles.Except(isNow.Roles).Any()));

    private static Dictionary<string, Operation> ByName(ApiDefinition definition) =>
        definition.Operations.ToDictionary(o => $"{o.Method} {o.Path}", StringComparer.Ordinal);

    private static string Text(ImmutableArray<string> values, string none = "") =>
        values.IsEmpty ? none : string.Join(", ", values);

    private static string Text(EndpointCredential? credential) =>
        credential is null
            ? "none"
            : $"{credential.Type} {credential.User ?? credential.Name}".TrimEnd()
                + $", secret {Mark(Encoding.UTF8.GetBytes(credential.Secret ?? ""))}";

    private static string Text(EndpointSet? set) =>
        set is null
            ? "evenly"
            : $"{set.Algorithm} {Mark(JsonSerializer.SerializeToUtf8Bytes(set, DefinitionJson.Default.EndpointSet))}";

    private static string Text(AccessSettings access)
    {
        var words = new List<string>();
        Add(access.CertificateMandatory, "certificate beside the credential");
        Add(access.CredentialOptional, "certificate in its place");
        Add(!access.Issuers.IsEmpty, $"issuers {Text(access.Issuers)}");
        Add(!access.Audiences.IsEmpty, $"audiences {Text(access.Audiences)}");
        Add(access.AuthorizationHeader != "Authorization", $"tokens in {access.AuthorizationHeader}");
        Add(access.PassAuthorization, "passed on");
        Add(access.ApiKeyHeader != "apikey", $"keys in {access.ApiKeyHeader}");
        return words.Count == 0 ? "as usual" : string.Join(", ", words);

        void Add(bool isSaid, string word)
        {
            if (isSaid)
            {
                words.Add(word);
            }
        }
    }

    private static string Text(ImmutableArray<PolicyUse> policies) =>
        policies.IsEmpty ? "none" : string.Join(", ", policies.Select(Text));

    private static string Text(PolicyUse policy) =>
        policy.Settings is { } settings
            ? $"{policy.Name} {Mark(Encoding.UTF8.GetBytes(settings.GetRawText()))}"
            : policy.Name;

    private static string? Text(Operation? operation)
    {
        if (operation is null)
        {
            return null;
        }

        var words = new List<string> { operation.Open ? "open" : "as the API" };
        if (operation.AuthType != AuthType.Any)
        {
            words.Add(operation.AuthType == AuthType.Application ? "tokens of applications" : "tokens of users");
        }

        if (!operation.Scopes.IsEmpty)
        {
            words.Add($"a scope of {Text(operation.Scopes)}");
        }

        if (operation.Policy is { } limit)
        {
            words.Add($"limit {limit}");
        }

        if (!operation.Policies.IsEmpty)
        {
            words.Add($"policies {Text(operation.Policies)}");
        }

        return string.Join("; ", words);
    }

    private static string? Text(ApiScope? scope) =>
        scope is null
            ? null
            : (scope.Description.Length == 0 ? "no description" : scope.Description)
                + (scope.Roles.IsEmpty ? "" : $"; for {Text(scope.Roles)}");

    private static string Text(bool value) => value ? "yes" : "no";

    private static string Text(int? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "no bound";

    private static string Text(TimeSpan value) =>
        string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:0.###} s");

    private static string Marked(string? text) => text is null ? "none" : Mark(Encoding.UTF8.GetBytes(text));

    private static string Mark(byte[] content) => Digest.Of(content).ToString()[..8];
}
