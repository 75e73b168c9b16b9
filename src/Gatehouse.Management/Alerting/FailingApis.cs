using System.Collections.Immutable;
using System.Globalization;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// APIs of which more calls fail than a rule of <see cref="AlertTrigger.ErrorRate"/> allows when nobody says otherwise. They are
/// shown without any rule; whom to tell needs one. Looked up every ten seconds at most.
/// </summary>
public sealed class FailingApis(CatalogueDatabase database, TimeProvider time)
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(10);
    private static readonly AlertRule s_usual = new() { On = AlertTrigger.ErrorRate };

    private volatile Look? _last;

    /// <summary>One alert each, of kind <c>errors</c>.</summary>
    public async Task<ImmutableArray<Alert>> ReadAsync(CancellationToken cancellation)
    {
        if (_last is { } last && time.GetElapsedTime(last.At) < s_every)
        {
            return last.Alerts;
        }

        var (at, now) = (time.GetTimestamp(), time.GetUtcNow());
        var before = _last?.Alerts.ToDictionary(a => a.Api!, a => a.Since) ?? [];
        var sums = await SumsAsync(s_usual, cancellation).ConfigureAwait(false);
        ImmutableArray<Alert> alerts =
        [
            .. sums.Where(s => s.Fails(s_usual))
                .Select(s => new Alert("errors", null, s.Told(s_usual), before.GetValueOrDefault(s.Api, now), s.Api)),
        ];
        _last = new(at, alerts);
        return alerts;
    }

    /// <summary>How the calls of each API that <paramref name="rule"/> watches went, within its minutes.</summary>
    internal async Task<List<ApiFailures>> SumsAsync(AlertRule rule, CancellationToken cancellation)
    {
        var since = UsageStore.Begin(UsagePeriod.Minute, time.GetUtcNow()).AddMinutes(-rule.Minutes);
        var context = database.OpenUsage();
        await using (context.ConfigureAwait(false))
        {
            return await context
                .Usage.AsNoTracking()
                .Where(u => u.Period == UsagePeriod.Minute && u.At >= since)
                .Where(u => rule.Api == null || u.Api == rule.Api)
                .GroupBy(u => u.Api)
                .Select(g => new ApiFailures(g.Key, g.Sum(u => u.Requests), g.Sum(u => u.ServerErrors)))
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }
    }

    private sealed record Look(long At, ImmutableArray<Alert> Alerts);
}

/// <summary>How many calls of an API failed.</summary>
internal sealed record ApiFailures(string Api, long Requests, long Failed)
{
    /// <summary>Whether that is more than the rule allows.</summary>
    public bool Fails(AlertRule rule) => Requests >= rule.AtLeast && Failed * 100.0 / Requests > rule.Percent;

    /// <summary>In words.</summary>
    public string Told(AlertRule rule) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Failed * 100.0 / Requests:0.#} % of {Requests} requests to {Api} failed within {rule.Minutes} min; the rule's bound is {rule.Percent:0.#} %."
        );
}
