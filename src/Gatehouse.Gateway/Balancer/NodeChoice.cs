using Gatehouse.Gateway.Balancing;
using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>
/// How a node is chosen for a request: <c>least-requests</c>, <c>round-robin</c>, <c>power-of-two</c>, or by a hash, so that
/// what is alike goes to the same node: <c>hash-ip</c>, <c>hash-uri</c>, <c>hash-header:NAME</c>, <c>hash-cookie:NAME</c>.
/// </summary>
public sealed record NodeChoice
{
    /// <summary>How it is written, for messages.</summary>
    public const string Form =
        "write least-requests, round-robin, power-of-two, hash-ip, hash-uri, hash-header:NAME or hash-cookie:NAME";

    private readonly string _text;

    private NodeChoice(string text, BalancingAlgorithm algorithm, HashSource? hash = null) =>
        (_text, Algorithm, Hash) = (text, algorithm, hash ?? HashSource.Address);

    /// <summary>To the node with the fewest requests under way, for its weight.</summary>
    public static NodeChoice LeastRequests { get; } = new("least-requests", BalancingAlgorithm.LeastRequests);

    internal BalancingAlgorithm Algorithm { get; }

    internal HashSource Hash { get; }

    /// <summary>Reads it; null for anything else.</summary>
    public static NodeChoice? Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (kind, name) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        return (kind, HeaderRules.IsToken(name)) switch
        {
            ("hash-header", true) => new(text, BalancingAlgorithm.Hash, new(HashPart.Header, name)),
            ("hash-cookie", true) => new(text, BalancingAlgorithm.Hash, new(HashPart.Cookie, name)),
            _ when colon >= 0 => null,
            ("least-requests", _) => LeastRequests,
            ("round-robin", _) => new(text, BalancingAlgorithm.RoundRobin),
            ("power-of-two", _) => new(text, BalancingAlgorithm.PowerOfTwo),
            ("hash-ip", _) => new(text, BalancingAlgorithm.Hash),
            ("hash-uri", _) => new(text, BalancingAlgorithm.Hash, new(HashPart.Target)),
            _ => null,
        };
    }

    /// <summary>As it is written.</summary>
    public override string ToString() => _text;
}
