using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Routing;

/// <summary>
/// The operations of one API by path template. A literal segment beats one with a parameter, which beats a trailing
/// <c>*</c>; when the better branch turns out to be a dead end for this method, the next one is tried.
/// </summary>
internal sealed class OperationTree
{
    private readonly Node _root = new();

    public int Count { get; private set; }

    /// <summary>Adds an operation. False when the method on that template is there already.</summary>
    public bool Add(PathTemplate template, string method, CompiledRoute route)
    {
        var node = _root;
        foreach (var segment in template.Segments)
        {
            node = node.Below(segment);
        }

        var routes = template.TakesTheRest ? (node.Rest ??= []) : (node.Here ??= []);
        if (!routes.TryAdd(method, route))
        {
            return false;
        }

        Count++;
        return true;
    }

    /// <summary>
    /// The route for a method on a resource (empty, or a path from <c>/</c> on). Null when there is none; then
    /// <paramref name="allowed"/> tells the methods that the path has, or is null when no template matches the path.
    /// </summary>
    public CompiledRoute? Match(ReadOnlySpan<char> resource, string method, out SortedSet<string>? allowed)
    {
        allowed = null;

        // A call to the bare context is a call to "/": one reading for both spellings.
        var path = resource.Length == 0 ? "/" : resource;
        if (Find(_root, path, method) is { } route)
        {
            return route;
        }

        // HEAD is GET without the body (RFC 9110 §9.3.2); an operation of its own comes first.
        if (method == "HEAD" && Find(_root, path, "GET") is { } get)
        {
            return get;
        }

        Collect(_root, path, ref allowed);
        if (allowed is not null && allowed.Contains("GET"))
        {
            allowed.Add("HEAD");
        }

        return null;
    }

    private static CompiledRoute? Find(Node node, ReadOnlySpan<char> path, string method)
    {
        if (path.Length == 0)
        {
            return node.Here?.GetValueOrDefault(method) ?? node.Rest?.GetValueOrDefault(method);
        }

        var segment = FirstSegment(path);
        var below = path[(1 + segment.Length)..];
        if (node.Literal(segment) is { } literal && Find(literal, below, method) is { } exact)
        {
            return exact;
        }

        foreach (var (pattern, child) in node.Patterns)
        {
            if (pattern.Matches(segment) && Find(child, below, method) is { } found)
            {
                return found;
            }
        }

        return node.Rest?.GetValueOrDefault(method);
    }

    private static void Collect(Node node, ReadOnlySpan<char> path, ref SortedSet<string>? allowed)
    {
        Collect(node.Rest, ref allowed);
        if (path.Length == 0)
        {
            Collect(node.Here, ref allowed);
            return;
        }

        var segment = FirstSegment(path);
        var below = path[(1 + segment.Length)..];
        if (node.Literal(segment) is { } literal)
        {
            Collect(literal, below, ref allowed);
        }

        foreach (var (pattern, child) in node.Patterns)
        {
            if (pattern.Matches(segment))
            {
                Collect(child, below, ref allowed);
            }
        }
    }

    private static void Collect(Dictionary<string, CompiledRoute>? routes, ref SortedSet<string>? allowed)
    {
        if (routes is not null)
        {
            (allowed ??= new(StringComparer.Ordinal)).UnionWith(routes.Keys);
        }
    }

    private static ReadOnlySpan<char> FirstSegment(ReadOnlySpan<char> path)
    {
        var end = path[1..].IndexOf('/');
        return end < 0 ? path[1..] : path.Slice(1, end);
    }

    private sealed class Node
    {
        private Dictionary<string, Node>? _literals;

        /// <summary>Operations whose template ends here, by method.</summary>
        public Dictionary<string, CompiledRoute>? Here { get; set; }

        /// <summary>Operations whose template ends here with <c>/*</c>.</summary>
        public Dictionary<string, CompiledRoute>? Rest { get; set; }

        public ImmutableArray<(SegmentPattern Pattern, Node Child)> Patterns { get; private set; } = [];

        public Node? Literal(ReadOnlySpan<char> segment)
        {
            if (_literals is null)
            {
                return null;
            }

            return _literals.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(segment, out var child)
                ? child
                : null;
        }

        public Node Below(SegmentPattern segment)
        {
            if (segment.IsLiteral)
            {
                _literals ??= new(StringComparer.Ordinal);
                if (!_literals.TryGetValue(segment.Pieces[0], out var literal))
                {
                    _literals.Add(segment.Pieces[0], literal = new());
                }

                return literal;
            }

            foreach (var (pattern, child) in Patterns)
            {
                if (pattern.Pieces.SequenceEqual(segment.Pieces))
                {
                    return child;
                }
            }

            // The more of a segment is fixed, the sooner it is tried: /{name}.json before /{id}.
            var added = new Node();
            Patterns = [.. Patterns.Add((segment, added)).OrderByDescending(p => p.Pattern.Fixed)];
            return added;
        }
    }
}
