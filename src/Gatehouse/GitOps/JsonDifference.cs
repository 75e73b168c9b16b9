using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gatehouse.GitOps;

/// <summary>One value that differs.</summary>
/// <param name="Path">Where, such as <c>quota/amount</c>.</param>
/// <param name="Before">Null when it is new.</param>
/// <param name="After">Null when it is gone.</param>
internal sealed record Difference(string Path, string? Before, string? After)
{
    public override string ToString() =>
        (Before, After) switch
        {
            (null, _) => $"+ {Path}: {After}",
            (_, null) => $"- {Path}: {Before}",
            _ => $"~ {Path}: {Before} -> {After}",
        };
}

/// <summary>Tells what differs between two JSON documents.</summary>
internal static class JsonDifference
{
    private const int LongestValue = 120;

    private static readonly JsonSerializerOptions s_line = new(Cli.Output.Json) { WriteIndented = false };

    /// <summary>What it takes to get from one to the other. <paramref name="secrets"/> are told, not shown.</summary>
    public static ImmutableArray<Difference> Of(JsonNode? before, JsonNode? after, Secrets secrets)
    {
        var differences = ImmutableArray.CreateBuilder<Difference>();
        Walk(before, after, "", differences, secrets);
        return differences.ToImmutable();
    }

    private static void Walk(
        JsonNode? before,
        JsonNode? after,
        string path,
        ImmutableArray<Difference>.Builder differences,
        Secrets secrets
    )
    {
        if (JsonNode.DeepEquals(before, after))
        {
            return;
        }

        if (before is JsonObject or JsonArray && (after is JsonObject or JsonArray))
        {
            var (old, now) = (Parts(before), Parts(after));
            foreach (var name in old.Keys.Union(now.Keys, StringComparer.Ordinal))
            {
                Walk(old.GetValueOrDefault(name), now.GetValueOrDefault(name), $"{path}/{name}", differences, secrets);
            }

            return;
        }

        // What a secret takes the place of was one too.
        var last = path[(path.LastIndexOf('/') + 1)..];
        var isSecret = secrets.Is(last, after) || secrets.Is(last, before);
        differences.Add(new(path.TrimStart('/'), Show(before), Show(after)));

        string? Show(JsonNode? node) =>
            node is null ? null
            : isSecret ? "(secret)"
            : Shorten(secrets.Hide(last, node)!.ToJsonString(s_line));
    }

    // Items that have a name are compared by it, so that one that is put in front moves no other.
    private static Dictionary<string, JsonNode?> Parts(JsonNode? node)
    {
        var parts = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        switch (node)
        {
            case JsonObject members:
                foreach (var (name, value) in members)
                {
                    parts[name] = value;
                }

                break;
            case JsonArray items:
                for (var i = 0; i < items.Count; i++)
                {
                    var name = NameOf(items[i]) ?? $"{i}";
                    parts[parts.ContainsKey(name) ? $"{name}#{i}" : name] = items[i];
                }

                break;
            default:
                break;
        }

        return parts;
    }

    private static string? NameOf(JsonNode? item) =>
        item is not JsonObject o ? null
        : o["method"] is JsonValue method && o["path"] is JsonValue path ? $"{method} {path}"
        : (o["name"] ?? o["api"]) is JsonValue name && name.TryGetValue<string>(out var text) ? text
        : null;

    private static string Shorten(string text) => text.Length > LongestValue ? text[..LongestValue] + "…" : text;
}
