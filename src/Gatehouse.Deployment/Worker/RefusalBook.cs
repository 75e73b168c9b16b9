using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>Every change that the node does not run, by entity. An entity is struck out by its next change.</summary>
internal sealed class RefusalBook
{
    private readonly SortedDictionary<RowKey, Refusal> _refusals = new(
        Comparer<RowKey>.Create(
            static (a, b) =>
                string.CompareOrdinal(a.Kind, b.Kind) is var byKind and not 0
                    ? byKind
                    : string.CompareOrdinal(a.Name, b.Name)
        )
    );

    public ImmutableArray<Refusal> All => [.. _refusals.Values];

    public Refusal? Of(EntityChange change) => _refusals.GetValueOrDefault(new(change));

    public void Clear() => _refusals.Clear();

    public void Strike(IEnumerable<EntityChange> changes)
    {
        foreach (var change in changes)
        {
            _refusals.Remove(new(change));
        }
    }

    public void Enter(IEnumerable<Refusal> refusals)
    {
        foreach (var refusal in refusals)
        {
            _refusals[new(refusal)] = refusal;
        }
    }
}
