using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;

namespace Gatehouse.Client;

/// <summary>Events as a manager sends them, for as long as they are wanted: from another manager, after the last one, when a stream ends.</summary>
internal static class EventStream
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Follows <c>events</c>. Throws <see cref="Cli.CommandFailure"/> when no manager can be reached at first, or the token counts
    /// no more.
    /// </summary>
    /// <param name="manager">Where they come from.</param>
    /// <param name="after">The id of the last event that is known; null to begin now.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async IAsyncEnumerable<SseItem<string>> FollowAsync(
        ManagerApi manager,
        string? after,
        [EnumeratorCancellation] CancellationToken cancellation
    )
    {
        var isFirst = true;
        while (true)
        {
            Stream? stream = null;
            try
            {
                stream = await manager.GetEventsAsync(cancellation, lastEventId: after);
            }
            catch (Cli.CommandFailure failure) when (!isFirst && failure.Code is Cli.ExitCode.Unreachable)
            {
                // Managers restart.
            }

            if (stream is not null)
            {
                await using (stream)
                {
                    await using var items = SseParser
                        .Create(stream)
                        .EnumerateAsync(cancellation)
                        .GetAsyncEnumerator(cancellation);
                    while (await NextAsync(items))
                    {
                        after = items.Current.EventId ?? after;
                        if (!isFirst && items.Current.EventType == "began")
                        {
                            continue;
                        }

                        isFirst = false;
                        yield return items.Current;
                    }
                }
            }

            await Task.Delay(s_pause, cancellation);
        }
    }

    // A connection that breaks ends the stream like one that is closed.
    private static async Task<bool> NextAsync(IAsyncEnumerator<SseItem<string>> items)
    {
        try
        {
            return await items.MoveNextAsync();
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return false;
        }
    }
}
