using Gatehouse.Cluster.Runtime;

namespace Gatehouse.Cluster.Joining;

/// <summary>
/// Two clusters of one domain never merge by themselves (R4). Keeps watch for another one; of the two, the smaller gives
/// way, then the younger, then the one with the higher id. Safe for several threads.
/// </summary>
internal sealed class ClusterRivalry(TimeProvider time)
{
    /// <summary>While a member joins or the oldest leaves, two members of one cluster differ for a moment.</summary>
    public static readonly TimeSpan Sustained = TimeSpan.FromSeconds(2);

    /// <summary>A sighting this old no longer counts as the first of two.</summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private (string Id, long First, long Last)? _sighting;

    /// <summary>Whether <paramref name="mine"/> gives way to <paramref name="theirs"/>. Exactly one of two sides does.</summary>
    public static bool Yields(ClusterClaim mine, ClusterClaim theirs) =>
        mine.Size != theirs.Size ? mine.Size < theirs.Size
        : mine.FormedAt != theirs.FormedAt ? mine.FormedAt > theirs.FormedAt
        : string.CompareOrdinal(mine.Id, theirs.Id) > 0;

    /// <summary>Takes note of what a node outside of this cluster says. True when this side has to give way.</summary>
    public bool See(ClusterClaim mine, Hello other)
    {
        if (other.Cluster is not { } theirs || theirs.Id == mine.Id || !Yields(mine, theirs))
        {
            return false;
        }

        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_sighting is not { } seen || seen.Id != theirs.Id || time.GetElapsedTime(seen.Last, now) > Forgotten)
            {
                _sighting = (theirs.Id, now, now);
                return false;
            }

            _sighting = seen with { Last = now };
            return time.GetElapsedTime(seen.First, now) >= Sustained;
        }
    }

    /// <summary>Begins anew, with a new runtime.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _sighting = null;
        }
    }
}
