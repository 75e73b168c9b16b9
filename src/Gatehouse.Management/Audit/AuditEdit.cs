using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gatehouse.Management;

/// <summary>One entity in an audit entry: what it was and what it became, secrets masked.</summary>
/// <param name="Kind">The entity's kind.</param>
/// <param name="Name">The entity's name.</param>
/// <param name="Before">Its content before; null when there was none.</param>
/// <param name="After">Its content now; null when it is gone.</param>
public sealed record AuditEdit(string Kind, string Name, JsonNode? Before, JsonNode? After)
{
    // The audit is for people; what is larger is told by size and digest and can be looked up among the revisions.
    private const int LongestContent = 16 * 1024;

    private static readonly string[] s_secretWords =
    [
        "secret",
        "password",
        "token",
        "hash",
        "credential",
        "privatekey",
    ];

    internal static AuditEdit Of(EntityWrite write, EntityRow? row) =>
        new(
            write.Kind,
            write.Name,
            row is null || row.Deleted ? null : Show(row.Payload),
            write.Deleted ? null : Show(write.Payload)
        );

    private static JsonNode? Show(byte[] payload)
    {
        if (payload.Length > LongestContent)
        {
            return new JsonObject { ["bytes"] = payload.Length, ["sha256"] = Model.Digest.Of(payload).ToString() };
        }

        var node = JsonNode.Parse(payload);
        Mask(node);
        return node;
    }

    private static void Mask(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (name, value) in members.ToList())
                {
                    if (
                        value?.GetValueKind() is JsonValueKind.String
                        && s_secretWords.Any(w => name.Contains(w, StringComparison.OrdinalIgnoreCase))
                    )
                    {
                        members[name] = "***";
                    }
                    else
                    {
                        Mask(value);
                    }
                }

                break;
            case JsonArray items:
                foreach (var item in items)
                {
                    Mask(item);
                }

                break;
            default:
                break;
        }
    }
}
