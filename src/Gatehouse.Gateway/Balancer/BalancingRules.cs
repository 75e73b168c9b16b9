using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>What an operator asks of a balancer besides passing on. Immutable: a reload brings another.</summary>
public sealed record BalancingRules
{
    /// <summary>Nothing besides passing on.</summary>
    public static BalancingRules None { get; } = new();

    /// <summary>How an API call finds its worker. Calls of the management host go to the least busy manager.</summary>
    public NodeChoice Algorithm { get; init; } = NodeChoice.LeastRequests;

    /// <summary>Nodes that get more or fewer requests than the others, or only when no other is up.</summary>
    public ImmutableArray<NodeShare> Nodes { get; init; } = [];

    /// <summary>What is done for callers of some names or paths.</summary>
    public ImmutableArray<HostRule> Hosts { get; init; } = [];

    /// <summary>The share of a node; that of its name before that of its address.</summary>
    internal NodeShare ShareOf(Node node) =>
        Nodes.FirstOrDefault(n => n.Node == node.Name)
        ?? Nodes.FirstOrDefault(n => n.Node.Equals(node.Host, StringComparison.OrdinalIgnoreCase))
        ?? NodeShare.Of(node.Name);
}

/// <summary>How much of the requests a node gets.</summary>
/// <param name="Node">Its name, or the address that others reach it on.</param>
/// <param name="Weight">Against the others, 1 to 1000.</param>
/// <param name="IsBackup">Gets requests only while every other node looks ill.</param>
public sealed record NodeShare(string Node, int Weight, bool IsBackup)
{
    /// <summary>The largest weight.</summary>
    public const int MostWeight = 1000;

    internal static NodeShare Of(string node) => new(node, 1, IsBackup: false);
}

/// <summary>
/// What a balancer does for callers of some names by itself. Of all rules those of the name that was called apply, else those
/// without names; of these, every one whose path the request begins with, and where two of them disagree the longer path's.
/// </summary>
public sealed record HostRule
{
    /// <summary>Names in lower case; empty for every name that no other rule has.</summary>
    public ImmutableArray<string> Hosts { get; init; } = [];

    /// <summary><c>http</c> or <c>https</c>, as the caller came; null for both.</summary>
    public string? Scheme { get; init; }

    /// <summary>What the path begins with; null for every path.</summary>
    public string? Path { get; init; }

    /// <summary>The path is all of it, not its beginning.</summary>
    public bool IsExact { get; init; }

    /// <summary>What is answered without asking a node; null where the rule does not say.</summary>
    public HostReturn? Return { get; init; }

    /// <summary>Headers that nodes get in place of the caller's, by name; an empty text takes one off. <see cref="CallText"/>.</summary>
    public ImmutableSortedDictionary<string, string> RequestHeaders { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Headers that callers get in place of the node's, by name; an empty text takes one off.</summary>
    public ImmutableSortedDictionary<string, string> AnswerHeaders { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether answers from status 400 on get <see cref="AnswerHeaders"/> too.</summary>
    public bool OnErrors { get; init; } = true;

    /// <summary>How often one address may call; null where the rule does not say.</summary>
    public AddressRate? Rate { get; init; }
}

/// <summary>An answer that a balancer gives by itself.</summary>
public sealed record HostReturn
{
    /// <summary>Pass on after all: for a path below one that answers.</summary>
    public static HostReturn Off { get; } = new() { Status = 0 };

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>Where the caller is sent, with status 301, 302, 303, 307 or 308; else null. <see cref="CallText"/>.</summary>
    public string? Location { get; init; }

    /// <summary>The body; null for none.</summary>
    public string? Body { get; init; }

    /// <summary>What the body is.</summary>
    public string ContentType { get; init; } = "text/plain; charset=utf-8";

    /// <summary>True for the statuses that send a caller elsewhere.</summary>
    public static bool IsRedirect(int status) => status is 301 or 302 or 303 or 307 or 308;
}

/// <summary>
/// So many requests of one address, evenly spaced, and so many more at once: NGINX's <c>limit_req</c> with <c>nodelay</c>. Of
/// IPv6 the first 64 bits are the address, because one caller has all below.
/// </summary>
/// <param name="Limit">Requests within a time.</param>
/// <param name="Burst">How many may come before they are due.</param>
public sealed record AddressRate(Quota Limit, int Burst);
