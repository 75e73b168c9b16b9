using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// The members this node knows of, over every restart of its runtime: while it is in no cluster the last known ones are
/// shown as unreachable rather than forgotten. Safe for several threads.
/// </summary>
internal sealed class MemberTable
{
    /// <summary>How long a departed member stays in the view.</summary>
    public static readonly TimeSpan KeepDeparted = TimeSpan.FromHours(1);

    private const int MaxDeparted = 100;
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberAddress, Entry> _entries = [];

    /// <summary>Sets how a member stands. A word about an incarnation that was replaced meanwhile is passed over.</summary>
    public void Set(MemberAddress address, long uid, MemberState state, DateTimeOffset now)
    {
        lock (_lock)
        {
            var known = _entries.GetValueOrDefault(address);
            var departs = state is MemberState.Left or MemberState.Gone;
            if (departs && (known is null || known.Uid != uid))
            {
                return;
            }

            if (known is null || known.Uid != uid)
            {
                _entries[address] = new Entry(uid, state, now, null);
            }
            else if (known.State != state)
            {
                _entries[address] = known with { State = state, Since = now };
            }
        }
    }

    /// <summary>Keeps what a member tells of itself, and drops what an earlier bearer of its name left behind.</summary>
    public void SetCard(MemberAddress address, long uid, MemberCard card)
    {
        lock (_lock)
        {
            if (_entries.GetValueOrDefault(address) is not { } known || known.Uid != uid)
            {
                return;
            }

            _entries[address] = known with { Card = card };
            foreach (var (other, entry) in _entries.ToArray())
            {
                if (other != address && entry.Card?.Node == card.Node && IsDeparted(entry.State))
                {
                    _entries.Remove(other);
                }
            }
        }
    }

    /// <summary>What this incarnation of a member told of itself, if it did.</summary>
    public MemberCard? CardOf(MemberAddress address, long uid)
    {
        lock (_lock)
        {
            return _entries.GetValueOrDefault(address) is { } known && known.Uid == uid ? known.Card : null;
        }
    }

    /// <summary>This node is in no cluster any more; nobody is heard from.</summary>
    public void LoseAll(MemberAddress? self, DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (var (address, entry) in _entries.ToArray())
            {
                if (address == self)
                {
                    _entries.Remove(address);
                }
                else if (!IsDeparted(entry.State) && entry.State != MemberState.Unreachable)
                {
                    _entries[address] = entry with { State = MemberState.Unreachable, Since = now };
                }
            }
        }
    }

    /// <summary>This node is in a cluster again: whoever is not in it has gone.</summary>
    public void KeepOnly(IReadOnlySet<MemberAddress> present, DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (var (address, entry) in _entries.ToArray())
            {
                if (!present.Contains(address) && !IsDeparted(entry.State))
                {
                    _entries[address] = entry with { State = MemberState.Gone, Since = now };
                }
            }
        }
    }

    /// <summary>Everyone, by name.</summary>
    public ImmutableArray<ClusterMember> Snapshot(MemberAddress? self, DateTimeOffset now)
    {
        lock (_lock)
        {
            var departed = _entries
                .Where(e => IsDeparted(e.Value.State))
                .OrderByDescending(e => e.Value.Since)
                .ToArray();
            foreach (
                var (address, entry) in departed.Where((e, i) => i >= MaxDeparted || now - e.Value.Since > KeepDeparted)
            )
            {
                _entries.Remove(address);
            }

            return
            [
                .. _entries
                    .Select(e => e.Value.ToMember(e.Key, e.Key == self))
                    .OrderBy(m => m.Name, StringComparer.Ordinal)
                    .ThenBy(m => m.Address),
            ];
        }
    }

    private static bool IsDeparted(MemberState state) => state is MemberState.Left or MemberState.Gone;

    private sealed record Entry(long Uid, MemberState State, DateTimeOffset Since, MemberCard? Card)
    {
        public ClusterMember ToMember(MemberAddress address, bool isSelf) =>
            new()
            {
                Name = Card?.Node ?? address.ToString(),
                Address = address,
                State = State,
                Since = Since,
                IsSelf = isSelf,
                Profile = Card is not null && Profiles.TryParse(Card.Profile, out var profile) ? profile : null,
                SubDomain = Card?.SubDomain,
                Version = Card?.Version,
                Started = Card is null ? null : DateTimeOffset.UnixEpoch.AddMilliseconds(Card.StartedAt),
                Properties = Card?.Properties ?? ImmutableSortedDictionary<string, string>.Empty,
            };
    }
}
