using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Gatehouse.Management.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class UsageEndpoints
{
    private static readonly TimeSpan s_usual = TimeSpan.FromHours(24);

    public static void MapUsage(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/usage", AskAsync)
            .WithSummary("What was called: counts, errors and latencies by period")
            .AlsoAnswers("text/csv")
            .Require(Permission.Read);
        rest.MapGet("/applications/{app}/usage", OfApplicationAsync)
            .WithSummary("What one application called")
            .AlsoAnswers("text/csv")
            .Require(Permission.Read);
    }

    private static Task<Results<Ok<ImmutableArray<UsageView>>, ContentHttpResult>> AskAsync(
        [AsParameters] UsageAsk ask,
        Caller caller,
        Applications applications,
        Listings listings,
        UsageQueries usage,
        TimeProvider time,
        CancellationToken cancellation
    ) => AnswerAsync(ask, ask.Application, caller, applications, listings, usage, time, cancellation);

    private static Task<Results<Ok<ImmutableArray<UsageView>>, ContentHttpResult>> OfApplicationAsync(
        string app,
        [AsParameters] UsageAsk ask,
        Caller caller,
        Applications applications,
        Listings listings,
        UsageQueries usage,
        TimeProvider time,
        CancellationToken cancellation
    ) => AnswerAsync(ask, app, caller, applications, listings, usage, time, cancellation);

    private static async Task<Results<Ok<ImmutableArray<UsageView>>, ContentHttpResult>> AnswerAsync(
        UsageAsk ask,
        string? application,
        Caller caller,
        Applications applications,
        Listings listings,
        UsageQueries usage,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        var to = ask.To ?? time.GetUtcNow();
        var query = new UsageQuery(
            ask.From ?? to - s_usual,
            to,
            ask.Step switch
            {
                null or "all" => null,
                "minute" => UsagePeriod.Minute,
                "hour" => UsagePeriod.Hour,
                "day" => UsagePeriod.Day,
                _ => throw Wrong("step", ask.Step, "minute, hour, day or all"),
            },
            ask.By is null || UsageQueries.Dimensions.Contains(ask.By)
                ? ask.By
                : throw Wrong("by", ask.By, string.Join(", ", UsageQueries.Dimensions)),
            ask.Api is null ? null : await listings.VisibleAsync(ask.Api, caller, cancellation).ConfigureAwait(false),
            application is null
                ? null
                : (await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false)).Id
        );
        var found = await usage.AskAsync(query, caller, cancellation).ConfigureAwait(false);
        return ask.Format switch
        {
            null or "json" => TypedResults.Ok(found),
            "csv" => TypedResults.Text(Csv(found), "text/csv"),
            _ => throw Wrong("format", ask.Format, "json or csv"),
        };
    }

    private static ProblemsException Wrong(string parameter, string value, string known) =>
        new([new(parameter, $"'{Excerpt.Of(value)}' cannot be taken for '{parameter}'", $"take {known}")]);

    private static string Csv(ImmutableArray<UsageView> rows)
    {
        var text = new StringBuilder(
            "from,key,requests,succeeded,clientErrors,serverErrors,unauthenticated,throttled,targetFaults,cacheHits,bytesIn,bytesOut,meanMs,backendMeanMs,p50Ms,p95Ms,p99Ms,backendP50Ms,backendP95Ms,backendP99Ms,gatewayP50Ms,gatewayP95Ms,gatewayP99Ms\r\n"
        );
        foreach (var row in rows)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{row.From:yyyy-MM-ddTHH:mm:ssZ},{Cell(row.Key)},{row.Requests},{row.Succeeded},{row.ClientErrors},{row.ServerErrors},{row.Unauthenticated},{row.Throttled},{row.TargetFaults},{row.CacheHits},{row.BytesIn},{row.BytesOut},{row.MeanMs},{row.BackendMeanMs},{row.P50Ms},{row.P95Ms},{row.P99Ms},{row.BackendP50Ms},{row.BackendP95Ms},{row.BackendP99Ms},{row.GatewayP50Ms},{row.GatewayP95Ms},{row.GatewayP99Ms}\r\n"
            );
        }

        return text.ToString();
    }

    // RFC 4180; and a spreadsheet runs what begins with one of these as a formula.
    private static string Cell(string text)
    {
        var safe = text.Length > 0 && text[0] is '=' or '+' or '-' or '@' ? "'" + text : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n") < 0
            ? safe
            : $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}

/// <summary>What <c>GET /usage</c> takes in its query.</summary>
internal sealed record UsageAsk
{
    public DateTimeOffset? From { get; init; }

    public DateTimeOffset? To { get; init; }

    public string? Step { get; init; }

    public string? By { get; init; }

    public string? Api { get; init; }

    public string? Application { get; init; }

    public string? Format { get; init; }
}
