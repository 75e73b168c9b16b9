using System.CommandLine;
using System.Globalization;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse usage</c>: how much was called, by whom, how fast.</summary>
internal static class UsageCommand
{
    public static Command Create()
    {
        var api = new Option<string?>("--api") { Description = "Only of this API", HelpName = "API" };
        var app = new Option<string?>("--app") { Description = "Only by this application", HelpName = "APP" };
        var since = Duration.Option("--since", "How far back (default: 24h)");
        var by = new Option<string?>("--by")
        {
            Description = $"One row for each {string.Join(", ", UsageQueries.Dimensions)} (default: api)",
            HelpName = "WHAT",
        };
        by.AcceptOnlyFromAmong([.. UsageQueries.Dimensions]);
        var step = new Option<string?>("--step") { Description = "A row for each minute, hour or day" };
        step.AcceptOnlyFromAmong("minute", "hour", "day");
        var csv = new Option<bool>("--csv") { Description = "As comma-separated values, for a spreadsheet" };
        return new Command("usage", "How much was called, with which success, how fast")
            .With(api, app, since, by, step, csv)
            .Does(
                async (call, cancellation) =>
                {
                    var (from, dimension) = (DateTimeOffset.UtcNow - call.Get(since), call.Get(by) ?? "api");
                    if (call.Get(csv))
                    {
                        var text = await call.Manager.GetUsageAsCsvAsync(
                            cancellation,
                            from: from,
                            step: call.Get(step),
                            by: dimension,
                            api: call.Get(api),
                            application: call.Get(app)
                        );
                        call.Output.Line(Encoding.UTF8.GetString(text).TrimEnd());
                        return;
                    }

                    var usage = await call.Manager.GetUsageAsync(
                        cancellation,
                        from: from,
                        step: call.Get(step),
                        by: dimension,
                        api: call.Get(api),
                        application: call.Get(app)
                    );

                    List<Column<UsageView>> columns =
                    [
                        new("WHAT", u => u.Key.Length == 0 ? "-" : u.Key),
                        new("REQUESTS", u => $"{u.Requests}"),
                        new("OK", u => $"{u.Succeeded}"),
                        new("4XX", u => $"{u.ClientErrors}"),
                        new("5XX", u => $"{u.ServerErrors}"),
                        new("THROTTLED", u => $"{u.Throttled}", Drop: 1),
                        new("P50", u => Ms(u.P50Ms)),
                        new("P95", u => Ms(u.P95Ms)),
                        new("P99", u => Ms(u.P99Ms), Drop: 2),
                        new("GATEWAY P95", u => u.GatewayP95Ms is { } own ? Ms(own) : "-", Drop: 3),
                        new("BACKEND P95", u => u.BackendP95Ms is { } behind ? Ms(behind) : "-", Drop: 3),
                    ];
                    if (call.Get(step) is not null)
                    {
                        columns.Insert(
                            0,
                            new("FROM", u => u.From.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture))
                        );
                    }

                    call.Output.Items("Usage", usage, [.. columns]);
                }
            );
    }

    private static string Ms(double ms) => string.Create(CultureInfo.InvariantCulture, $"{ms:0.#} ms");
}
