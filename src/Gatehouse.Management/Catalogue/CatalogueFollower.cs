using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// Something in memory that is made of the entities of some kinds, brought up to date when it is asked for by reading only what
/// changed since: it costs the same after ten changes as after ten thousand.
/// </summary>
/// <param name="catalogue">Where they are.</param>
/// <param name="kinds">Which ones.</param>
/// <param name="nothing">What is made of none.</param>
/// <param name="apply">Makes the next of the last and of what changed, deletions among it.</param>
internal sealed class CatalogueFollower<T>(
    Catalogue catalogue,
    string[] kinds,
    T nothing,
    Func<T, IReadOnlyList<EntityRow>, T> apply
) : IDisposable
    where T : class
{
    private readonly SemaphoreSlim _reading = new(1, 1);
    private T? _made;
    private string? _history;
    private long _epoch;

    /// <summary>As of now.</summary>
    public async Task<T> ReadAsync(CancellationToken cancellation)
    {
        await _reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await UpdateAsync(cancellation).ConfigureAwait(false);
            return _made ?? nothing;
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    private async Task UpdateAsync(CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var head = await context.Head.AsNoTracking().SingleAsync(cancellation).ConfigureAwait(false);
            if (head.History != _history || head.Epoch < _epoch || head.TombstoneFloor > _epoch)
            {
                // Another past, or one whose deletions are forgotten: what is known may be wrong.
                (_made, _epoch, _history) = (null, 0, head.History);
            }

            if (head.Epoch == _epoch)
            {
                return;
            }

            var rows = await context
                .Entities.AsNoTracking()
                .ChangedAfter(_epoch, kinds)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            // What was committed since the head was read is among them, whole.
            (_made, _epoch) = (
                apply(_made ?? nothing, rows),
                Math.Max(head.Epoch, rows.Count > 0 ? rows[^1].Epoch : 0)
            );
        }
    }
}
