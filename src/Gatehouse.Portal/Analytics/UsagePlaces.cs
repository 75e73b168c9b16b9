using System.Globalization;
using Gatehouse.Management;
using Gatehouse.Portal.Kit;

namespace Gatehouse.Portal.Analytics;

/// <summary>Usage laid out along a chart: a place for each step of the range, whether something was called in it or not.</summary>
internal sealed class UsagePlaces
{
    private static readonly string[] s_colours = ["s-1", "s-2", "s-3", "s-4"];

    private readonly List<UsageView?> _places;

    public UsagePlaces(UsageRange range, IEnumerable<UsageView> rows)
    {
        var at = rows.ToDictionary(r => r.From);
        Moments = [.. range.Places()];
        Labels = Moments.ConvertAll(m => m.ToString(range.Format, CultureInfo.InvariantCulture));
        _places = Moments.ConvertAll(m => at.GetValueOrDefault(m));
    }

    /// <summary>When each place begins.</summary>
    public List<DateTimeOffset> Moments { get; }

    /// <summary>What stands below it.</summary>
    public List<string> Labels { get; }

    /// <summary>Requests, by how they were answered.</summary>
    public List<ChartSeries> Answers() =>
        [
            Of("2xx and 3xx", "s-ok", p => p.Succeeded),
            Of("4xx", "s-client", p => p.ClientErrors - Math.Min(p.Throttled, p.ClientErrors)),
            Of("throttled", "s-throttled", p => p.Throttled),
            Of("5xx", "s-server", p => p.ServerErrors),
        ];

    /// <summary>Percentiles of the whole time of a request, in milliseconds.</summary>
    public List<ChartSeries> Latency() =>
        [Of("p50", "s-1", p => p.P50Ms), Of("p95", "s-2", p => p.P95Ms), Of("p99", "s-3", p => p.P99Ms)];

    /// <summary>Percentiles of what backends took of it, in milliseconds.</summary>
    public List<ChartSeries> Backend() =>
        [
            Of("p50", "s-1", p => p.BackendP50Ms ?? 0),
            Of("p95", "s-2", p => p.BackendP95Ms ?? 0),
            Of("p99", "s-3", p => p.BackendP99Ms ?? 0),
        ];

    /// <summary>Percentiles of what gateways took of it, in milliseconds.</summary>
    public List<ChartSeries> Gateway() =>
        [
            Of("p50", "s-1", p => p.GatewayP50Ms ?? 0),
            Of("p95", "s-2", p => p.GatewayP95Ms ?? 0),
            Of("p99", "s-3", p => p.GatewayP99Ms ?? 0),
        ];

    /// <summary>The mean time of a request, told apart into what backends and what gateways took; in milliseconds.</summary>
    public List<ChartSeries> Split() =>
        [
            Of("backend", "s-1", p => p.BackendMeanMs),
            Of("gateway", "s-2", p => Math.Max(0, p.MeanMs - p.BackendMeanMs)),
        ];

    /// <summary>How many of a hundred requests caches answered.</summary>
    public List<ChartSeries> Caches() =>
        [Of("from caches", "s-1", p => p.Requests == 0 ? 0 : 100.0 * p.CacheHits / p.Requests)];

    /// <summary>One figure of each key of <paramref name="rows"/>; of more keys than have a colour, the rest are added up.</summary>
    /// <param name="rows">By step and key.</param>
    /// <param name="keys">The keys, the most important first.</param>
    /// <param name="value">The figure.</param>
    /// <param name="adds">Whether figures can be added up; otherwise the rest is left out.</param>
    public List<ChartSeries> ByKey(
        IEnumerable<UsageView> rows,
        IReadOnlyList<string> keys,
        Func<UsageView, double> value,
        bool adds
    )
    {
        var at = rows.ToLookup(r => r.From);
        var shown = keys.Count <= s_colours.Length ? keys : [.. keys.Take(s_colours.Length - 1)];
        List<ChartSeries> series =
        [
            .. shown.Select(
                (key, i) =>
                    new ChartSeries(
                        key,
                        s_colours[i],
                        Moments.ConvertAll(m => at[m].Where(r => r.Key == key).Sum(value))
                    )
            ),
        ];
        if (adds && shown.Count < keys.Count)
        {
            series.Add(
                new(
                    Words.Count(keys.Count - shown.Count, "other"),
                    s_colours[^1],
                    Moments.ConvertAll(m => at[m].Where(r => !shown.Contains(r.Key)).Sum(value))
                )
            );
        }

        return series;
    }

    private ChartSeries Of(string name, string css, Func<UsageView, double> value) =>
        new(name, css, _places.ConvertAll(p => p is null ? 0 : value(p)));
}
