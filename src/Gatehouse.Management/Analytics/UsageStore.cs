using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// Counts what workers tell of requests into rows of a minute, an hour and a day, in one transaction with the batch's number:
/// a batch that comes twice counts once. The requests themselves are not kept.
/// </summary>
public sealed class UsageStore(CatalogueDatabase database, TimeProvider time) : IEventSink, IDisposable
{
    // A clock that is wrong must not write into a past that was thrown away, or into next year.
    private static readonly TimeSpan s_oldest = TimeSpan.FromDays(7);
    private static readonly TimeSpan s_newest = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_silent = TimeSpan.FromDays(90);

    private readonly SemaphoreSlim _writing = new(1, 1);

    /// <inheritdoc/>
    public async Task<EventReceipt> TakeAsync(PeerIdentity node, EventBatch batch, CancellationToken cancellation)
    {
        var counted = Count(node.Node, batch);
        await _writing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var context = database.OpenUsage();
            await using (context.ConfigureAwait(false))
            {
                var scope = await context.Database.BeginTransactionAsync(cancellation).ConfigureAwait(false);
                await using (scope.ConfigureAwait(false))
                {
                    // Locks: two managers that add to one row must not overwrite each other.
                    await context
                        .Head.ExecuteUpdateAsync(h => h.SetProperty(r => r.Batches, r => r.Batches + 1), cancellation)
                        .ConfigureAwait(false);
                    var stream = await context.Streams.FindAsync([batch.Stream], cancellation).ConfigureAwait(false);
                    if (stream is not null && batch.Sequence <= stream.Sequence)
                    {
                        return new() { Repeated = true };
                    }

                    if (stream is null)
                    {
                        stream = new() { Stream = batch.Stream, Node = node.Node };
                        context.Streams.Add(stream);
                    }

                    stream.Sequence = batch.Sequence;
                    stream.Dropped += batch.Dropped;
                    stream.At = time.GetUtcNow();
                    await AddAsync(context, counted, cancellation).ConfigureAwait(false);
                    await context.SaveChangesAsync(CancellationToken.None).ConfigureAwait(false);
                    await scope.CommitAsync(CancellationToken.None).ConfigureAwait(false);
                    return new();
                }
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Deletes rows that are older than what is kept of their period, and streams that fell silent long ago.</summary>
    public async Task PurgeAsync(UsageRetention keep, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var context = database.OpenUsage();
        await using (context.ConfigureAwait(false))
        {
            foreach (
                var (period, length, age) in new[]
                {
                    (UsagePeriod.Minute, TimeSpan.FromMinutes(1), keep.Minutes),
                    (UsagePeriod.Hour, TimeSpan.FromHours(1), keep.Hours),
                    (UsagePeriod.Day, TimeSpan.FromDays(1), keep.Days),
                }
            )
            {
                // By its end: what was called a moment ago is in the row that began this morning.
                var cutoff = now - age - length;
                await context
                    .Usage.Where(u => u.Period == period && u.At < cutoff)
                    .ExecuteDeleteAsync(cancellation)
                    .ConfigureAwait(false);
                await context
                    .Nodes.Where(u => u.Period == period && u.At < cutoff)
                    .ExecuteDeleteAsync(cancellation)
                    .ConfigureAwait(false);
            }

            // Forgotten too early, a batch that comes again would count again.
            var silent = now - (keep.Days > s_silent ? keep.Days : s_silent);
            await context.Streams.Where(s => s.At < silent).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _writing.Dispose();

    internal static DateTimeOffset Begin(UsagePeriod period, DateTimeOffset at) =>
        period switch
        {
            UsagePeriod.Minute => new(at.Year, at.Month, at.Day, at.Hour, at.Minute, 0, TimeSpan.Zero),
            UsagePeriod.Hour => new(at.Year, at.Month, at.Day, at.Hour, 0, 0, TimeSpan.Zero),
            _ => new(at.Year, at.Month, at.Day, 0, 0, 0, TimeSpan.Zero),
        };

    private Counted Count(string node, EventBatch batch)
    {
        var now = time.GetUtcNow();
        var rows = new Dictionary<UsageKey, (UsageRow, UsageLatencies)>();
        var ofNode = new Dictionary<NodeKey, (UsageNodeRow, UsageLatencies)>();
        foreach (var told in batch.Events)
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds(
                Math.Clamp(
                    told.At,
                    (now - s_oldest).ToUnixTimeMilliseconds(),
                    (now + s_newest).ToUnixTimeMilliseconds()
                )
            );
            foreach (var period in (ReadOnlySpan<UsagePeriod>)[UsagePeriod.Minute, UsagePeriod.Hour, UsagePeriod.Day])
            {
                var key = new UsageKey(
                    period,
                    Begin(period, at),
                    Text(told.Api),
                    Text(told.Operation),
                    Text(told.Application),
                    told.Sandbox
                );
                if (!rows.TryGetValue(key, out var found))
                {
                    rows[key] = found = (key.ToRow(), new());
                }

                var place = new NodeKey(period, key.At, key.Api);
                if (!ofNode.TryGetValue(place, out var here))
                {
                    ofNode[place] = here = (place.ToRow(node), new());
                }

                Count(found.Item1, told);
                found.Item2.Count(told);
                Count(here.Item1, told);
                here.Item2.Count(told);
            }
        }

        return new([.. rows.Values], [.. ofNode.Values]);

        string Text(uint number) => number < batch.Texts.Count ? Bounded(batch.Texts[(int)number]) : "";
    }

    private static string Bounded(string text) => text.Length > 300 ? text[..300] : text;

    private static void Count(UsageFigures row, Event told)
    {
        row.Requests++;
        row.Succeeded += told.Status is > 0 and < 400 ? 1 : 0;
        row.ClientErrors += told.Status is >= 400 and < 500 ? 1 : 0;
        row.ServerErrors += told.Status >= 500 ? 1 : 0;
        row.Unauthenticated += told.Fault == 1 ? 1 : 0;
        row.Throttled += told.Fault == 2 ? 1 : 0;
        row.TargetFaults += told.Fault == 3 ? 1 : 0;
        row.CacheHits += told.CacheHit ? 1 : 0;
        row.BytesIn += Math.Max(0, told.BytesIn);
        row.BytesOut += Math.Max(0, told.BytesOut);
        row.Micros += Math.Max(0, told.Micros);
        row.BackendMicros += Math.Max(0, told.BackendMicros);
    }

    private static async Task AddAsync(UsageContext context, Counted counted, CancellationToken cancellation)
    {
        foreach (var group in counted.Rows.GroupBy(c => (c.Row.Period, c.Row.At)))
        {
            var (period, at) = group.Key;
            var apis = group.Select(c => c.Row.Api).Distinct().ToList();
            var there = await context
                .Usage.Where(u => u.Period == period && u.At == at && apis.Contains(u.Api))
                .ToDictionaryAsync(UsageKey.Of, cancellation)
                .ConfigureAwait(false);
            foreach (var (row, latencies) in group)
            {
                Add(context.Usage, there.GetValueOrDefault(UsageKey.Of(row)), row, latencies);
            }
        }

        foreach (var group in counted.OfNode.GroupBy(c => (c.Row.Period, c.Row.At, c.Row.Node)))
        {
            var (period, at, node) = group.Key;
            var apis = group.Select(c => c.Row.Api).ToList();
            var there = await context
                .Nodes.Where(u => u.Period == period && u.At == at && u.Node == node && apis.Contains(u.Api))
                .ToDictionaryAsync(u => u.Api, cancellation)
                .ConfigureAwait(false);
            foreach (var (row, latencies) in group)
            {
                Add(context.Nodes, there.GetValueOrDefault(row.Api), row, latencies);
            }
        }
    }

    private static void Add<TRow>(DbSet<TRow> rows, TRow? before, TRow row, UsageLatencies latencies)
        where TRow : UsageFigures
    {
        if (before is null)
        {
            latencies.WriteTo(row);
            rows.Add(row);
            return;
        }

        latencies.Merge(before);
        before.Add(row);
        latencies.WriteTo(before);
    }

    private sealed record Counted(
        List<(UsageRow Row, UsageLatencies Latencies)> Rows,
        List<(UsageNodeRow Row, UsageLatencies Latencies)> OfNode
    );

    private readonly record struct NodeKey(UsagePeriod Period, DateTimeOffset At, string Api)
    {
        public UsageNodeRow ToRow(string node) =>
            new()
            {
                Period = Period,
                At = At,
                Api = Api,
                Node = node,
            };
    }

    private readonly record struct UsageKey(
        UsagePeriod Period,
        DateTimeOffset At,
        string Api,
        string Operation,
        string Application,
        bool Sandbox
    )
    {
        public static UsageKey Of(UsageRow row) =>
            new(row.Period, row.At, row.Api, row.Operation, row.Application, row.Sandbox);

        public UsageRow ToRow() =>
            new()
            {
                Period = Period,
                At = At,
                Api = Api,
                Operation = Operation,
                Application = Application,
                Sandbox = Sandbox,
            };
    }
}

/// <summary>How long usage is kept.</summary>
/// <param name="Minutes">Rows of a minute.</param>
/// <param name="Hours">Rows of an hour.</param>
/// <param name="Days">Rows of a day.</param>
public sealed record UsageRetention(TimeSpan Minutes, TimeSpan Hours, TimeSpan Days)
{
    /// <summary>Two days, three months, three years.</summary>
    public static UsageRetention Default { get; } =
        new(TimeSpan.FromDays(2), TimeSpan.FromDays(90), TimeSpan.FromDays(3 * 365));
}
