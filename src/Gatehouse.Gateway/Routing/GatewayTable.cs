using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>What a worker serves: APIs, and who may call them.</summary>
public sealed class GatewayTable : IEntityTarget
{
    /// <summary>An empty table.</summary>
    public GatewayTable(GatewayOptions options, TimeProvider time) { }

    /// <summary>How many APIs are served.</summary>
    public int Apis { get; }

    /// <summary>How many operations they have together.</summary>
    public int Operations { get; }

    /// <inheritdoc/>
    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace) => new Prepared();

    private sealed class Prepared : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals => [];

        public void Publish() { }
    }
}
