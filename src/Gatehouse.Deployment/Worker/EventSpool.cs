using System.Globalization;
using Gatehouse.Deployment.Wire;
using Google.Protobuf;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// Batches of events that wait on disk for a manager, oldest first. Bounded: when it is full, the oldest give way and their
/// events are counted. What the machine loses in a crash is statistics, so nothing is synced.
/// </summary>
internal sealed class EventSpool
{
    private const string Ending = ".batch";

    private readonly string _directory;
    private readonly long _most;
    private readonly SortedDictionary<string, (long Bytes, LostEvents Events)> _files = new(StringComparer.Ordinal);
    private long _bytes;

    public EventSpool(string directory, long mostBytes)
    {
        (_directory, _most) = (directory, mostBytes);
        Directory.CreateDirectory(directory);
        foreach (var file in new DirectoryInfo(directory).EnumerateFiles("*" + Ending))
        {
            Add(file.Name, file.Length, CountIn(file.Name));
        }
    }

    /// <summary>True when nothing waits.</summary>
    public bool IsEmpty => _files.Count == 0;

    /// <summary>Bytes that wait.</summary>
    public long Bytes => _bytes;

    /// <summary>Keeps a batch; what was given up for it. Throws <see cref="IOException"/> when the disk takes none.</summary>
    public LostEvents Put(EventBatch batch)
    {
        var bytes = batch.ToByteArray();
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{batch.Stream}-{batch.Sequence:D12}-{batch.Events.Count}-{batch.Dropped}{Ending}"
        );
        var (lost, own) = (default(LostEvents), new LostEvents(batch.Events.Count, batch.Dropped));
        while (_bytes + bytes.Length > _most && _files.Count > 0)
        {
            var (oldest, (_, events)) = _files.First();
            Remove(oldest);
            lost += events;
        }

        if (bytes.Length > _most)
        {
            return lost + own;
        }

        var path = Path.Combine(_directory, name);
        File.WriteAllBytes(path + ".tmp", bytes);
        File.Move(path + ".tmp", path, overwrite: true);
        Add(name, bytes.Length, own);
        return lost;
    }

    /// <summary>The oldest batch and its name; null when nothing waits. One that cannot be read is given up and counted in <paramref name="lost"/>.</summary>
    public (string Name, EventBatch Batch)? Oldest(out LostEvents lost)
    {
        lost = default;
        while (_files.Count > 0)
        {
            var (name, (_, events)) = _files.First();
            try
            {
                return (name, EventBatch.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(_directory, name))));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidProtocolBufferException)
            {
                Remove(name);
                lost += events;
            }
        }

        return null;
    }

    /// <summary>Forgets a batch that was taken.</summary>
    public void Remove(string name)
    {
        if (_files.Remove(name, out var known))
        {
            _bytes -= known.Bytes;
            try
            {
                File.Delete(Path.Combine(_directory, name));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It is sent once more after the next start, and counts once all the same.
            }
        }
    }

    private void Add(string name, long bytes, LostEvents events)
    {
        _files[name] = (bytes, events);
        _bytes += bytes;
    }

    private static LostEvents CountIn(string name)
    {
        var parts = name[..^Ending.Length].Split('-');
        return
            parts.Length == 4
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var untold)
            ? new(count, untold)
            : default;
    }
}

/// <summary>What is lost with batches that are given up.</summary>
/// <param name="Count">The events in them.</param>
/// <param name="Untold">Events lost before, which they would have told of.</param>
internal readonly record struct LostEvents(int Count, long Untold)
{
    public static LostEvents operator +(LostEvents one, LostEvents other) =>
        new(one.Count + other.Count, one.Untold + other.Untold);
}
