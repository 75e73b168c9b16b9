using Gatehouse.Model;

namespace Gatehouse.Deployment.Manager;

/// <summary>
/// Lets streams that need a full scan at about the same time send the same one, so that a hundred workers that come back
/// together do not make a hundred copies of the table. Held weakly: the last stream that sends it keeps it alive.
/// </summary>
public sealed class SharedScans : IDisposable
{
    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly Dictionary<FeedScope, WeakReference<FeedScan>> _scans = [];

    /// <summary>A scan of <paramref name="scope"/> at <paramref name="head"/> or newer.</summary>
    internal async Task<FeedScan> TakeAsync(
        IFeedSource source,
        FeedScope scope,
        CatalogueHead head,
        CancellationToken cancellation
    )
    {
        await _reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (
                _scans.TryGetValue(scope, out var reference)
                && reference.TryGetTarget(out var shared)
                // Exactly this head: a catalogue that was put back from a copy is behind the scan that is still held.
                && shared.Head == head
            )
            {
                return shared;
            }

            var scan = await source.ScanAsync(scope, cancellation).ConfigureAwait(false);
            // As many scopes as there were sets of environments; those that nobody sends any more are let go.
            foreach (var unheld in _scans.Where(s => !s.Value.TryGetTarget(out _)).Select(s => s.Key).ToList())
            {
                _scans.Remove(unheld);
            }

            _scans[scope] = new(scan);
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
