using System.Collections.Concurrent;
using Gatehouse.Cluster.Runtime;

namespace Gatehouse.Cluster.Joining;

/// <summary>
/// Who asked this node lately, and so said who it is. While nodes start together a question may come through in one
/// direction only; what was heard then stands for the answer that is missing.
/// </summary>
internal sealed class HeardMembers(TimeProvider time)
{
    /// <summary>How long it stands: two rounds of the other's search.</summary>
    public static readonly TimeSpan Lasting = TimeSpan.FromSeconds(5);

    private const int Most = 1024;

    private readonly ConcurrentDictionary<MemberAddress, (Hello Hello, long At)> _heard = new();

    public void Hear(Hello hello)
    {
        if (_heard.Count >= Most)
        {
            _heard.Clear(); // whoever is really there asks again
        }

        _heard[hello.Address] = (hello, time.GetTimestamp());
    }

    /// <summary>What the member at one of these addresses said of itself; null when it was not heard lately.</summary>
    public Hello? Lately(IEnumerable<MemberAddress> addresses)
    {
        foreach (var address in addresses)
        {
            if (_heard.TryGetValue(address, out var heard) && time.GetElapsedTime(heard.At) < Lasting)
            {
                return heard.Hello;
            }
        }

        return null;
    }

    public void Clear() => _heard.Clear();
}
