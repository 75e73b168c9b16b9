using System.Diagnostics.CodeAnalysis;

namespace Gatehouse.Management.OpenApi;

/// <summary>Follows <c>$ref</c> inside one document, each distinct reference once. Terminates on every document.</summary>
internal sealed class References(DocumentNode root)
{
    // A reference to a reference is rare, a chain of them is an attack.
    private const int MaxHops = 32;

    private readonly Dictionary<string, Resolution> _known = new(StringComparer.Ordinal);
    private Dictionary<string, DocumentNode>? _anchors;

    /// <summary>Finds what <paramref name="reference"/> stands for in the end; or says what is wrong with it.</summary>
    public bool TryResolve(
        string reference,
        [NotNullWhen(true)] out DocumentNode? target,
        [NotNullWhen(false)] out string? problem
    )
    {
        if (!_known.TryGetValue(reference, out var resolution))
        {
            resolution = Resolve(reference);
            _known.Add(reference, resolution);
        }

        (target, problem) = (resolution.Target, resolution.Problem);
        return problem is null;
    }

    private Resolution Resolve(string reference)
    {
        var next = reference;
        for (var hop = 0; hop < MaxHops; hop++)
        {
            if (!next.StartsWith('#'))
            {
                return new(null, $"The reference '{Excerpt.Of(next)}' leads outside of the document");
            }

            var pointer = Uri.UnescapeDataString(next[1..]);
            var target = pointer is "" or ['/', ..] ? JsonPointer.Find(root, pointer) : FindAnchor(pointer);
            if (target is null)
            {
                return new(null, $"The reference '{Excerpt.Of(next)}' leads to nothing in this document");
            }

            if (target["$ref"] is not { Kind: NodeKind.String } further)
            {
                return new(target, null);
            }

            next = further.Text;
        }

        return new(null, $"The reference '{Excerpt.Of(reference)}' leads back to itself, or through {MaxHops} others");
    }

    // 3.1: "#pet" means the schema with "$anchor": "pet".
    private DocumentNode? FindAnchor(string name)
    {
        if (_anchors is null)
        {
            _anchors = new(StringComparer.Ordinal);
            foreach (var schema in root["components"]?["schemas"]?.Members ?? [])
            {
                if (schema.Value["$anchor"] is { Kind: NodeKind.String } anchor)
                {
                    _anchors.TryAdd(anchor.Text, schema.Value);
                }
            }
        }

        return _anchors.GetValueOrDefault(name);
    }

    private sealed record Resolution(DocumentNode? Target, string? Problem);
}
