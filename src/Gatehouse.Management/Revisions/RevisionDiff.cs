using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What differs between two states of an API.</summary>
/// <param name="From">The older state, <c>r3</c>.</param>
/// <param name="To">The newer state, <c>r4</c>, or <c>definition</c> for what a deployment would make.</param>
/// <param name="Changes">In the words of the API, not of its file.</param>
/// <param name="Document">Unified diff of the documents; empty when they are equal, null when they differ too much to show.</param>
public sealed record RevisionDiff(string From, string To, ImmutableArray<ApiChange> Changes, string? Document);

/// <summary>One thing that differs.</summary>
/// <param name="What">Such as <c>operation GET /pets</c> or <c>context</c>.</param>
/// <param name="Before">Null when it is new.</param>
/// <param name="After">Null when it is gone.</param>
/// <param name="IsBreaking">True when callers that worked before may fail.</param>
public sealed record ApiChange(string What, string? Before, string? After, bool IsBreaking);

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
        Add("endpoints", Text(before.Endpoints), Text(after.Endpoints), breaking: false);
        Add("sandbox endpoints", Text(before.SandboxEndpoints, "none"), Text(after.SandboxEndpoints, "none"), false);
        Add("credential", Text(before.Credential), Text(after.Credential), false);
        Add("sandbox credential", Text(before.SandboxCredential), Text(after.SandboxCredential), false);
        Add("connect timeout", Text(before.ConnectTimeout), Text(after.ConnectTimeout), false);
        Add("response timeout", Text(before.ResponseTimeout), Text(after.ResponseTimeout), false);
        Add("default version", Text(before.IsDefaultVersion), Text(after.IsDefaultVersion), before.IsDefaultVersion);
        Add("%2F in paths", Text(before.AllowEncodedSlash), Text(after.AllowEncodedSlash), before.AllowEncodedSlash);
        Add("; in paths", Text(before.AllowSemicolon), Text(after.AllowSemicolon), before.AllowSemicolon);
        Add("description", before.Description, after.Description, false);

        var (old, now) = (ByName(before), ByName(after));
        foreach (var name in old.Keys.Union(now.Keys).Order(StringComparer.Ordinal))
        {
            var (was, isNow) = (old.GetValueOrDefault(name), now.GetValueOrDefault(name));
            Add($"operation {name}", Text(was), Text(isNow), isNow is null || (was is { Open: true } && !isNow.Open));
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

    private static Dictionary<string, Operation> ByName(ApiDefinition definition) =>
        definition.Operations.ToDictionary(o => $"{o.Method} {o.Path}", StringComparer.Ordinal);

    private static string Text(ImmutableArray<string> values, string none = "") =>
        values.IsEmpty ? none : string.Join(", ", values);

    // The digest of the sealed form tells that a secret was changed and nothing of what it is.
    private static string Text(EndpointCredential? credential) =>
        credential is null
            ? "none"
            : $"{credential.Type} {credential.User ?? credential.Name}".TrimEnd()
                + $", secret {Digest.Of(System.Text.Encoding.UTF8.GetBytes(credential.Secret ?? "")).ToString()[..8]}";

    private static string Text(bool value) => value ? "yes" : "no";

    private static string Text(TimeSpan value) =>
        string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:0.###} s");

    private static string? Text(Operation? operation) =>
        operation is null ? null
        : operation.Open ? "open"
        : "as the API";
}
