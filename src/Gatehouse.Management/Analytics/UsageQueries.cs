using System.Collections.Immutable;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>What usage is asked by.</summary>
/// <param name="From">From this moment on.</param>
/// <param name="To">Up to this moment.</param>
/// <param name="Step">Rows of this length; null for one row in all.</param>
/// <param name="By">What rows are told apart by: <c>api</c>, <c>operation</c>, <c>application</c>, <c>key-type</c>, <c>node</c>; null for nothing.</param>
/// <param name="Api">Only of this API, by its full name.</param>
/// <param name="Application">Only by this application, by its id.</param>
public sealed record UsageQuery(
    DateTimeOffset From,
    DateTimeOffset To,
    UsagePeriod? Step,
    string? By,
    string? Api,
    string? Application
);

/// <summary>Usage within one stretch of time. Durations in milliseconds; percentiles within 3 %.</summary>
public sealed record UsageView(
    DateTimeOffset From,
    string Key,
    long Requests,
    long Succeeded,
    long ClientErrors,
    long ServerErrors,
    long Unauthenticated,
    long Throttled,
    long TargetFaults,
    long CacheHits,
    long BytesIn,
    long BytesOut,
    double MeanMs,
    double BackendMeanMs,
    double P50Ms,
    double P95Ms,
    double P99Ms
)
{
    /// <summary>Half of the requests that reached a backend got its answer within this; null where that is not known.</summary>
    public double? BackendP50Ms { get; init; }

    /// <summary>95 of a hundred did.</summary>
    public double? BackendP95Ms { get; init; }

    /// <summary>99 of a hundred did.</summary>
    public double? BackendP99Ms { get; init; }

    /// <summary>The gateway's own part of a request took no longer in half of them; null where that is not known.</summary>
    public double? GatewayP50Ms { get; init; }

    /// <summary>In 95 of a hundred.</summary>
    public double? GatewayP95Ms { get; init; }

    /// <summary>In 99 of a hundred.</summary>
    public double? GatewayP99Ms { get; init; }
}

/// <summary>
/// Answers questions about usage. Who runs or audits the cluster is told everything, a publisher of the APIs that they work on
/// (<see cref="ApiTeams"/>), and everybody of what their own applications called.
/// </summary>
public sealed class UsageQueries(
    CatalogueDatabase database,
    Applications applications,
    ApiIndex index,
    ManagementOptions options,
    TimeProvider time
)
{
    private const int MostRows = 200_000;

    /// <summary>What <see cref="UsageQuery.By"/> may be.</summary>
    public static ImmutableArray<string> Dimensions { get; } = ["api", "operation", "application", "key-type", ByNode];

    private const string ByNode = "node";

    /// <summary>The usage, by time and then by key. Throws <see cref="ProblemsException"/> for a question that cannot be answered.</summary>
    public async Task<ImmutableArray<UsageView>> AskAsync(
        UsageQuery query,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (query.To <= query.From)
        {
            throw new ProblemsException([new("from", "'from' is not before 'to'", "swap them")]);
        }

        var period = PeriodFor(query);
        var from = UsageStore.Begin(period, query.From.ToUniversalTime());
        var visible = await applications.ListAsync(caller, cancellation).ConfigureAwait(false);
        var names = visible.ToDictionary(a => a.Id, a => a.Name, StringComparer.Ordinal);
        var context = database.OpenUsage();
        await using (context.ConfigureAwait(false))
        {
            if (query.By == ByNode)
            {
                return await OfNodesAsync(context, query, period, from, caller, cancellation).ConfigureAwait(false);
            }

            var rows = context.Usage.AsNoTracking().Where(u => u.Period == period && u.At >= from && u.At < query.To);
            if (query.Api is { } api)
            {
                rows = rows.Where(u => u.Api == api);
            }

            if (query.Application is { } application)
            {
                rows = rows.Where(u => u.Application == application);
            }

            if (!ApiTeams.SeesAll(caller))
            {
                string[] own = [.. visible.Where(a => Applications.IsTheirs(caller, a)).Select(a => a.Id)];
                string[] works = caller.May(Permission.Publish)
                    ?
                    [
                        .. (await index.ReadAsync(cancellation).ConfigureAwait(false))
                            .Where(a => ApiTeams.Works(caller, a))
                            .Select(a => a.Id),
                    ]
                    : [];
                // One parameter each, however many there are.
                rows = rows.Where(u =>
                    EF.Parameter(own).Contains(u.Application) || EF.Parameter(works).Contains(u.Api)
                );
            }

            return Sum(
                query,
                await ReadAsync(rows, cancellation).ConfigureAwait(false),
                u => KeyOf(query.By, u, names)
            );
        }
    }

    // Workers are counted by API only, and are told to who runs or audits the cluster.
    private static async Task<ImmutableArray<UsageView>> OfNodesAsync(
        UsageContext context,
        UsageQuery query,
        UsagePeriod period,
        DateTimeOffset from,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (query.Application is not null || !ApiTeams.SeesAll(caller))
        {
            throw new ProblemsException([
                new(
                    "by",
                    query.Application is not null
                        ? "An application's usage is not told apart by node"
                        : "Only who runs or audits the cluster is told what each node answered",
                    $"take {string.Join(", ", Dimensions.Where(d => d != ByNode))}"
                ),
            ]);
        }

        var rows = context.Nodes.AsNoTracking().Where(u => u.Period == period && u.At >= from && u.At < query.To);
        if (query.Api is { } api)
        {
            rows = rows.Where(u => u.Api == api);
        }

        return Sum(query, await ReadAsync(rows, cancellation).ConfigureAwait(false), u => u.Node);
    }

    private static async Task<List<TRow>> ReadAsync<TRow>(IQueryable<TRow> rows, CancellationToken cancellation)
        where TRow : UsageFigures
    {
        var found = await rows.Take(MostRows + 1).ToListAsync(cancellation).ConfigureAwait(false);
        return found.Count <= MostRows
            ? found
            : throw new ProblemsException([
                new("from", "That is more usage than is added up at once", "ask for less time, or for one API"),
            ]);
    }

    private static ImmutableArray<UsageView> Sum<TRow>(
        UsageQuery query,
        IEnumerable<TRow> rows,
        Func<TRow, string> keyOf
    )
        where TRow : UsageFigures =>
        [
            .. rows.GroupBy(u => (At: Step(query, u.At), Key: keyOf(u)))
                .OrderBy(g => g.Key.At)
                .ThenBy(g => g.Key.Key, StringComparer.Ordinal)
                .Select(g => View(g.Key.At, g.Key.Key, g)),
        ];

    // The finest rows that are asked for; for a sum, the coarsest that fit its ends, of those that are still there.
    private UsagePeriod PeriodFor(UsageQuery query)
    {
        if (query.Step is { } step)
        {
            return step;
        }

        var (length, age) = (query.To - query.From, time.GetUtcNow() - query.From);
        return length > TimeSpan.FromDays(7) || age > options.UsageRetention.Hours ? UsagePeriod.Day
            : length > TimeSpan.FromHours(36) || age > options.UsageRetention.Minutes ? UsagePeriod.Hour
            : UsagePeriod.Minute;
    }

    private static DateTimeOffset Step(UsageQuery query, DateTimeOffset at) =>
        query.Step is null ? query.From.ToUniversalTime() : at;

    private static string KeyOf(string? by, UsageRow row, Dictionary<string, string> names) =>
        by switch
        {
            "api" => row.Api,
            "operation" => $"{row.Api} {row.Operation}".TrimEnd(),
            "application" => names.GetValueOrDefault(row.Application) is { } name ? name : row.Application,
            "key-type" => row.Sandbox ? "sandbox" : "production",
            _ => "",
        };

    private static UsageView View(DateTimeOffset at, string key, IEnumerable<UsageFigures> rows)
    {
        var sum = new UsageRow
        {
            Api = "",
            Operation = "",
            Application = "",
        };
        var latencies = new UsageLatencies();
        foreach (var row in rows)
        {
            sum.Add(row);
            latencies.Merge(row);
        }

        return new(
            at,
            key,
            sum.Requests,
            sum.Succeeded,
            sum.ClientErrors,
            sum.ServerErrors,
            sum.Unauthenticated,
            sum.Throttled,
            sum.TargetFaults,
            sum.CacheHits,
            sum.BytesIn,
            sum.BytesOut,
            Ms((double)sum.Micros / sum.Requests),
            Ms((double)sum.BackendMicros / sum.Requests),
            Ms(latencies.Whole.Percentile(0.50)),
            Ms(latencies.Whole.Percentile(0.95)),
            Ms(latencies.Whole.Percentile(0.99))
        )
        {
            BackendP50Ms = Known(latencies.Backend, 0.50),
            BackendP95Ms = Known(latencies.Backend, 0.95),
            BackendP99Ms = Known(latencies.Backend, 0.99),
            GatewayP50Ms = Known(latencies.Gateway, 0.50),
            GatewayP95Ms = Known(latencies.Gateway, 0.95),
            GatewayP99Ms = Known(latencies.Gateway, 0.99),
        };
    }

    private static double? Known(LatencySketch sketch, double part) =>
        sketch.Count == 0 ? null : Ms(sketch.Percentile(part));

    private static double Ms(double micros) => Math.Round(micros / 1000, 3);
}
