using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;

namespace Gatehouse.Management;

/// <summary>
/// What changes, as it changes: server-sent events (WHATWG HTML §9.2). An event's id is the change's epoch, so that a reader
/// that comes back with <c>Last-Event-ID</c> misses nothing, at whichever manager.
/// </summary>
internal static class EventEndpoints
{
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    // The key manager's tokens are not looked up by us: their readers come back and show them again.
    private static readonly TimeSpan s_longestByOAuth = TimeSpan.FromMinutes(1);

    public static void MapEvents(this IEndpointRouteBuilder rest) =>
        rest.MapGet("/events", StreamAsync)
            .Require(Permission.Read)
            .WithSummary("What changes, as it changes, by server-sent events")
            .ReadsHeader("Last-Event-ID", "The id of the last event that is known: what came after it comes first")
            .Produces<string>(StatusCodes.Status200OK, "text/event-stream");

    private static async Task StreamAsync(
        HttpContext http,
        Caller caller,
        EventStreams streams,
        ChangeEvents events,
        CatalogueFeed feed,
        AccessTokens tokens,
        Sessions sessions,
        TimeProvider time,
        IHostApplicationLifetime lifetime,
        CancellationToken cancellation
    )
    {
        var after = After(http.Request);
        using var stream = streams.TryOpen(caller.User);
        if (stream is null)
        {
            http.Response.Headers.RetryAfter = "10";
            await ManagementProblems
                .Problem(
                    StatusCodes.Status429TooManyRequests,
                    "Too many streams of events are open",
                    $"A user has at most {EventStreams.MostPerUser}, a manager {EventStreams.MostStreams}. Close one, or wait 10 seconds."
                )
                .ExecuteAsync(http)
                .ConfigureAwait(false);
            return;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);
        try
        {
            await FollowAsync(http, after, caller, streams, events, feed, tokens, sessions, time, ending.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // A manager that stops waits for no stream: its readers come back to another one.
        }
    }

    private static async Task FollowAsync(
        HttpContext http,
        long? after,
        Caller caller,
        EventStreams streams,
        ChangeEvents events,
        CatalogueFeed feed,
        AccessTokens tokens,
        Sessions sessions,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        var began = time.GetTimestamp();
        var longest = http.User.Identity?.AuthenticationType
            is BearerAuthentication.Scheme
                or SessionAuthentication.Scheme
            ? s_longest
            : s_longestByOAuth;
        var seen = new SeenNames();
        await events.SeeAsync(caller, seen, cancellation).ConfigureAwait(false);
        var head = await feed.ReadHeadAsync(cancellation).ConfigureAwait(false);
        var at = after ?? head.Epoch;
        if (at > head.Epoch)
        {
            at = head.Epoch;
            await WriteAsync(http, "reset", at, null, cancellation).ConfigureAwait(false);
        }
        else
        {
            await WriteAsync(http, "began", at, null, cancellation).ConfigureAwait(false);
        }

        var spoke = time.GetTimestamp();
        var looked = time.GetTimestamp();
        while (time.GetElapsedTime(began) < longest)
        {
            if (time.GetElapsedTime(looked) >= s_look)
            {
                looked = time.GetTimestamp();
                if (await AgainAsync(http, caller, tokens, sessions, cancellation).ConfigureAwait(false) is not { } now)
                {
                    await WriteAsync(http, "ended", at, null, cancellation).ConfigureAwait(false);
                    return;
                }

                caller = now;
            }

            var (history, epoch) = (head.History, head.Epoch);
            head = await feed.ReadHeadAsync(cancellation).ConfigureAwait(false);
            if (head.History != history)
            {
                at = head.Epoch;
                await WriteAsync(http, "reset", at, null, cancellation).ConfigureAwait(false);
                spoke = time.GetTimestamp();
            }
            else if (head.Epoch > at)
            {
                ImmutableArray<ChangeEvent> changes;
                try
                {
                    (changes, at) = await events.AfterAsync(at, caller, seen, cancellation).ConfigureAwait(false);
                }
                catch (InvalidOperationException)
                {
                    // Deletions that this reader has not seen are forgotten: it has to read everything again.
                    (changes, at) = ([], head.Epoch);
                    await WriteAsync(http, "reset", at, null, cancellation).ConfigureAwait(false);
                }

                foreach (var change in changes)
                {
                    await WriteAsync(http, "change", change.Epoch, change, cancellation).ConfigureAwait(false);
                    spoke = time.GetTimestamp();
                }

                if (at < head.Epoch)
                {
                    continue;
                }
            }

            if (time.GetElapsedTime(spoke) >= s_heartbeat)
            {
                // An id alone is no event, and moves the reader's place past what it may not know of.
                await SendAsync(http, Invariant($": {time.GetUtcNow():O}\nid: {at}\n\n"), cancellation)
                    .ConfigureAwait(false);
                spoke = time.GetTimestamp();
            }

            await streams.WaitAsync(head, s_look, cancellation).ConfigureAwait(false);
        }
    }

    // Who the caller is by now; null when the session or token ended or may no longer read.
    private static async Task<Caller?> AgainAsync(
        HttpContext http,
        Caller caller,
        AccessTokens tokens,
        Sessions sessions,
        CancellationToken cancellation
    )
    {
        Caller? now;
        switch (http.User.Identity?.AuthenticationType)
        {
            case BearerAuthentication.Scheme:
                var header = http.Request.Headers.Authorization.ToString();
                var token = await tokens
                    .AuthenticateAsync(header["Bearer ".Length..].Trim(), cancellation)
                    .ConfigureAwait(false);
                now = token is null
                    ? null
                    : Caller.Of(
                        Caller.Principal(token.User, token.Roles, token.Id, BearerAuthentication.Scheme),
                        caller.From
                    );
                break;
            case SessionAuthentication.Scheme:
                now = await sessions.FindUserAsync(caller.TokenId, cancellation).ConfigureAwait(false) is { } user
                    ? Caller.Of(
                        Caller.Principal(user.UserName!, user.Roles(), caller.TokenId, SessionAuthentication.Scheme),
                        caller.From
                    )
                    : null;
                break;
            default:
                now = caller;
                break;
        }

        return now?.May(Permission.Read) == true ? now : null;
    }

    private static long? After(HttpRequest request)
    {
        // Browsers send the header when they come back; ?after= is for who begins somewhere.
        var text = request.Headers["Last-Event-ID"] is { Count: > 0 } header
            ? header.ToString()
            : request.Query["after"].ToString();
        return text.Length == 0 ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var epoch) ? epoch
            : throw new ProblemsException([
                new("Last-Event-ID", "The place to begin at is the id of an event", "send the id as it was given, 17"),
            ]);
    }

    private static Task WriteAsync(
        HttpContext http,
        string name,
        long epoch,
        ChangeEvent? change,
        CancellationToken cancellation
    ) =>
        SendAsync(
            http,
            Invariant(
                $"id: {epoch}\nevent: {name}\ndata: {(change is null ? "{}" : JsonSerializer.Serialize(change, ManagementJson.Default.ChangeEvent))}\n\n"
            ),
            cancellation
        );

    private static async Task SendAsync(HttpContext http, string text, CancellationToken cancellation)
    {
        // Who does not read for so long is gone.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        try
        {
            await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), patience.Token).ConfigureAwait(false);
            await http.Response.Body.FlushAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            http.Abort();
            throw;
        }
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
