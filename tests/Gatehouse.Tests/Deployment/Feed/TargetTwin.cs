using System.Collections.Immutable;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Tests.Feeds;

/// <summary>
/// A table in memory that keeps the contract of a target: whatever contains "broken" is refused, and closes what it names
/// when it is of a kind that closes; <c>unless NAME</c> is refused while that name is served.
/// </summary>
internal sealed class TargetTwin : IEntityTarget
{
    private ImmutableDictionary<(string Kind, string Name), string> _served = ImmutableDictionary<
        (string, string),
        string
    >.Empty;
    private ImmutableHashSet<string> _closed = [];
    private int _preparing;

    public ImmutableDictionary<(string Kind, string Name), string> Served => Volatile.Read(ref _served);

    /// <summary>Names that a restrictive entity closes.</summary>
    public ImmutableHashSet<string> Closed => Volatile.Read(ref _closed);

    public int Publishes { get; private set; }

    public int Prepared { get; private set; }

    /// <summary>Called in the last moment before a table becomes current.</summary>
    public Action? Publishing { get; set; }

    /// <summary>Every table that was ever current.</summary>
    public List<ImmutableDictionary<(string Kind, string Name), string>> Tables { get; } = [];

    /// <summary>Content with this in it cannot be compiled by this build.</summary>
    public string Unreadable { get; init; } = "broken";

    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace)
    {
        Assert.Equal(1, Interlocked.Increment(ref _preparing));
        Prepared++;
        try
        {
            var served = _served.ToBuilder();
            var closed = _closed.ToBuilder();
            var refusals = ImmutableArray.CreateBuilder<Refusal>();
            if (replace)
            {
                var named = changes.Select(c => (c.Kind, c.Name)).ToHashSet();
                served.RemoveRange(served.Keys.Where(k => !named.Contains(k)).ToList());
                closed.Clear();
            }

            foreach (var change in changes)
            {
                Assert.True(change.IsIntact());
                var payload = Encoding.UTF8.GetString(change.Payload.Span);
                if (change.Deleted)
                {
                    served.Remove((change.Kind, change.Name));
                    if (EntityKinds.IsRestrictive(change.Kind))
                    {
                        closed.Remove(change.Name);
                    }

                    continue;
                }

                if (EntityKinds.IsRestrictive(change.Kind))
                {
                    closed.Add(change.Name);
                }

                if (payload.Contains(Unreadable, StringComparison.Ordinal))
                {
                    refusals.Add(new(change.Kind, change.Name, change.Epoch, "/", $"is {Unreadable}"));
                }
                else if (
                    payload.StartsWith("unless ", StringComparison.Ordinal)
                    && served.ContainsKey((change.Kind, payload[7..]))
                )
                {
                    refusals.Add(new(change.Kind, change.Name, change.Epoch, "/context", "is taken"));
                }
                else
                {
                    served[(change.Kind, change.Name)] = payload;
                }
            }

            return new Next(this, served.ToImmutable(), closed.ToImmutable(), refusals.ToImmutable());
        }
        finally
        {
            Interlocked.Decrement(ref _preparing);
        }
    }

    private sealed class Next(
        TargetTwin target,
        ImmutableDictionary<(string, string), string> served,
        ImmutableHashSet<string> closed,
        ImmutableArray<Refusal> refusals
    ) : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals => refusals;

        public void Publish()
        {
            target.Publishing?.Invoke();
            Volatile.Write(ref target._served, served);
            Volatile.Write(ref target._closed, closed);
            target.Publishes++;
            lock (target.Tables)
            {
                target.Tables.Add(served);
            }
        }
    }
}
