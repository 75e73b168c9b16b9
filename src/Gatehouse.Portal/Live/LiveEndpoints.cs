using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Gatehouse.Management;
using Gatehouse.Portal.Access;
using Gatehouse.Portal.Kit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Portal.Live;

/// <summary>
/// Keeps the live parts of an open page true: one stream of server-sent events a page, each event the HTML of one panel that
/// came out differently. Holds no state between events, so any manager can go on with a stream another one lost.
/// </summary>
internal static class LiveEndpoints
{
    // A lost node is shown within three seconds: NodeBoard.LostAfter and this.
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(150);

    // Who signed out or lost a role is looked up again when the browser comes back.
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(2);
    private const int MostPanels = 8;

    public static void MapLive(this IEndpointRouteBuilder app) => app.MapGet("/live", Stream);

    private static IResult Stream(HttpContext http, Session session, NodeBoard board, TimeProvider time)
    {
        var asked = http.Request.Query["panel"].OfType<string>().Distinct().Take(MostPanels + 1).ToList();
        if (
            asked.Count is 0 or > MostPanels
            || asked.Any(panel => panel.Any(char.IsControl) || LivePanels.Find(panel) is null)
        )
        {
            return TypedResults.BadRequest();
        }

        if (asked.Any(panel => LivePanels.Find(panel)!.Needs is { } needs && !session.May(needs)))
        {
            return TypedResults.StatusCode(
                session.Caller is null ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden
            );
        }

        http.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(EventsAsync(asked, http, board, time, http.RequestAborted));
    }

    private static async IAsyncEnumerable<SseItem<string>> EventsAsync(
        List<string> panels,
        HttpContext http,
        NodeBoard board,
        TimeProvider time,
        [EnumeratorCancellation] CancellationToken cancellation
    )
    {
        var services = http.RequestServices;
        await using var renderer = new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
        var shown = new Dictionary<string, string>();
        var began = time.GetTimestamp();
        while (!cancellation.IsCancellationRequested && time.GetElapsedTime(began) < s_longest)
        {
            // Taken before the look, so that a report in between is not slept through.
            var seen = board.Readings.Value;
            foreach (var panel in panels)
            {
                string html;
                try
                {
                    html = await RenderAsync(renderer, panel).ConfigureAwait(false);
                }
                catch (Exception e) when (shown.Count > 0 && Failure.IsOfTheDatabase(e))
                {
                    // An end, and no break: the page says how old it is and asks again, perhaps another manager.
                    yield break;
                }

                if (shown.GetValueOrDefault(panel) != html)
                {
                    shown[panel] = html;
                    yield return new(html, "panel:" + panel);
                }
            }

            // Tells the page that what it shows is still true.
            yield return new(
                time.GetUtcNow().ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture),
                "now"
            );
            await Task.Delay(s_pause, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            using var look = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            look.CancelAfter(s_lookAgain);
            try
            {
                await board.Readings.WhenAsync(now => !ReferenceEquals(now, seen), look.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Time to look again, or the page is gone.
            }
        }
    }

    private static Task<string> RenderAsync(HtmlRenderer renderer, string spec) =>
        renderer.Dispatcher.InvokeAsync(async () =>
        {
            var panel = LivePanels.Find(spec)!;
            var output = await renderer
                .RenderComponentAsync(
                    panel.Component,
                    ParameterView.FromDictionary(new Dictionary<string, object?> { ["Key"] = panel.Key })
                )
                .ConfigureAwait(true);
            return output.ToHtmlString();
        });
}
