namespace Gatehouse.Gateway.Routing;

/// <summary>
/// Immutable: which API answers below which path prefix. One node per path segment; the deepest node with an API wins,
/// so <c>/a/b</c> beats <c>/a</c>. A changed copy shares every subtree that the change does not touch.
/// </summary>
internal sealed class ContextTree
{
    public static readonly ContextTree Empty = new(null, PersistentMap<ContextTree>.Empty);

    private readonly PersistentMap<ContextTree> _children;

    private ContextTree(CompiledApi? api, PersistentMap<ContextTree> children)
    {
        Api = api;
        _children = children;
    }

    /// <summary>The API that claims exactly this prefix.</summary>
    public CompiledApi? Api { get; }

    public bool IsEmpty => Api is null && _children.Count == 0;

    /// <summary>The API with the longest prefix of <paramref name="path"/>, and how long that prefix is.</summary>
    public CompiledApi? Match(ReadOnlySpan<char> path, out int length)
    {
        var (node, found, at) = (this, Api, 0);
        length = 0;
        while (at < path.Length)
        {
            var segment = path[(at + 1)..];
            var end = segment.IndexOf('/');
            segment = end < 0 ? segment : segment[..end];
            if (!node._children.TryGetValue(segment, out var child))
            {
                break;
            }

            node = child;
            at += 1 + segment.Length;
            if (node.Api is { } api)
            {
                found = api;
                length = at;
            }
        }

        return found;
    }

    /// <summary>The API at exactly <paramref name="prefix"/>.</summary>
    public CompiledApi? At(ReadOnlySpan<string> prefix)
    {
        var node = this;
        foreach (var segment in prefix)
        {
            if (!node._children.TryGetValue(segment, out var child))
            {
                return null;
            }

            node = child;
        }

        return node.Api;
    }

    public ContextTree With(ReadOnlySpan<string> prefix, CompiledApi? api)
    {
        if (prefix.IsEmpty)
        {
            return new(api, _children);
        }

        var child = (_children.Find(prefix[0]) ?? Empty).With(prefix[1..], api);
        return new(Api, child.IsEmpty ? _children.Without(prefix[0]) : _children.With(prefix[0], child));
    }
}
