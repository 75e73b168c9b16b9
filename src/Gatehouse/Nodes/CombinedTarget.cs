using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Nodes;

/// <summary>Several targets fed as one: each takes the kinds it knows, and all publish together.</summary>
internal sealed class CombinedTarget(params ImmutableArray<IEntityTarget> targets) : IEntityTarget
{
    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace) =>
        new Prepared([.. targets.Select(target => target.Prepare(changes, replace))]);

    private sealed class Prepared(ImmutableArray<IPreparedChanges> parts) : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals => [.. parts.SelectMany(part => part.Refusals)];

        public void Publish()
        {
            foreach (var part in parts)
            {
                part.Publish();
            }
        }
    }
}
