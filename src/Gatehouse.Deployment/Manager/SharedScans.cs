using Gatehouse.Model;

namespace Gatehouse.Deployment.Manager;

/// <summary>
/// Lets streams that need a full scan at about the same time send the same one, so that a hundred workers that come back
/// together do not make a hundred copies of the table. Held weakly: the last stream that sends it keeps it alive.
/// </summary>
public sealed class SharedScans : IDisposable
{
    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly Dictionary<IReadOnlySet<string>, WeakReference<FeedScan>> _scans = new(
        ReferenceEqualityComparer.Instance
    );

    /// <summary>A scan of <paramref name="kinds"/> at <paramref name="head"/> or newer.</summary>
    internal async Task<FeedScan> TakeAsync(
        IFeedSource source,
        IReadOnlySet<string> kinds,
        CatalogueHead head,
        CancellationToken cancellation
    )
    {
        await _reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (
                _scans.TryGetValue(kinds, out var reference)
                && reference.TryGetTarget(out var shared)
                // Exactly this head: a catalogue that was put back from a copy is behind the scan that is still held.
                && shared.Head == head
            )
            {
                return shared;
            }

            var scan = await source.ScanAsync(kinds, cancellation).ConfigureAwait(false);
            _scans[kinds] = new(scan);
            return scan;
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();
}
