using System.Collections.Immutable;
using System.Globalization;

namespace Gatehouse.Management;

/// <summary>
/// What managers tell each other of lost nodes. The one that a node reports to knows of the loss first; the others read in the
/// catalogue when it was heard last, and would have to wait for longer to be sure. A word that is lost costs that wait.
/// </summary>
internal sealed class NodeLosses
{
    private const string Word = "lost";

    // Of nodes that are lost now, so that no name stays that never comes again.
    private Dictionary<string, long> _told = [];
    private ImmutableDictionary<string, long> _heard = ImmutableDictionary.Create<string, long>(StringComparer.Ordinal);

    /// <summary>What is to be told of these, which are lost: a word each, once. For one thread.</summary>
    public IEnumerable<string> News(IEnumerable<NodeReading> lost)
    {
        var (before, now) = (_told, lost.ToDictionary(r => r.Node, Seen, StringComparer.Ordinal));
        _told = now;
        return now.Where(l => before.GetValueOrDefault(l.Key, -1) != l.Value)
            .Select(l => string.Create(CultureInfo.InvariantCulture, $"{Word} {l.Value} {l.Key}"));
    }

    /// <summary>Takes what another manager told. The node that it is about; null when it is about something else.</summary>
    public string? Hear(string word)
    {
        if (
            word.Split(' ') is not [Word, var time, var node]
            || !long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var seen)
        )
        {
            return null;
        }

        ImmutableInterlocked.AddOrUpdate(ref _heard, node, seen, (_, _) => seen);
        return node;
    }

    /// <summary>True when another manager said that the node is lost since this reading.</summary>
    public bool Has(NodeReading reading) => _heard.TryGetValue(reading.Node, out var seen) && seen == Seen(reading);

    /// <summary>Forgets a node that left.</summary>
    public void Forget(string node) => ImmutableInterlocked.TryRemove(ref _heard, node, out _);

    // By the clock of who heard it, and as the catalogue keeps it: only the same moment is the same reading.
    private static long Seen(NodeReading reading) => reading.SeenAt.ToUnixTimeMilliseconds();
}
