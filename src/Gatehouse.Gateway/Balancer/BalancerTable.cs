using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>What a balancer passes on: two virtual hosts whose endpoints are the registered nodes.</summary>
public sealed class BalancerTable : IEntityTarget
{
    /// <summary>A table without nodes.</summary>
    public BalancerTable(BalancerOptions balancer, GatewayOptions options, TimeProvider time) { }

    /// <summary>Every registered node and how it looks from here.</summary>
    public ImmutableArray<NodeView> Nodes { get; } = [];

    /// <inheritdoc/>
    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace) => new Prepared();

    private sealed class Prepared : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals => [];

        public void Publish() { }
    }
}

/// <summary>A node as the balancer sees it.</summary>
/// <param name="Node">The registered node.</param>
/// <param name="Preferred">False while probes or requests fail; it is then tried last.</param>
/// <param name="InFlight">Requests it is serving for this balancer.</param>
public sealed record NodeView(Node Node, bool Preferred, int InFlight);
