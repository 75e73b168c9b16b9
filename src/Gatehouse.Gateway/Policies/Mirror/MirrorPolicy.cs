using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Sends copies of requests elsewhere. The call never waits for it: a copy that finds too many under way is dropped and
/// counted. Only bodies of a small declared length are copied; the call reads those as a whole first.
/// </summary>
internal sealed class MirrorPolicy(MirrorSettings settings, Outside outside, PolicyCounters counters) : IWaitingPolicy
{
    private readonly string _url = settings.Url.TrimEnd('/');
    private readonly TimeSpan _timeout = TimeSpan.FromMilliseconds(settings.TimeoutMs);
    private int _underWay;

    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        if (settings.Percent < 100 && Random.Shared.Next(100) >= settings.Percent)
        {
            return null;
        }

        // Taken before the body is read: a full queue costs the call nothing at all.
        if (Interlocked.Increment(ref _underWay) > settings.Queue)
        {
            Interlocked.Decrement(ref _underWay);
            counters.MirrorDropped();
            return null;
        }

        HttpRequestMessage? copy = null;
        try
        {
            if (exchange.HasBody && exchange.Buffered is null)
            {
                var problem =
                    exchange.Request.Headers.ContentLength <= settings.MaxBytes
                        ? await exchange.ReadBodyAsync(settings.MaxBytes).ConfigureAwait(false)
                        : null;
                if (exchange.Buffered is null)
                {
                    return problem;
                }
            }

            copy = Copy(exchange);
        }
        finally
        {
            // A body that broke off takes its place in the queue with it.
            if (copy is null)
            {
                Interlocked.Decrement(ref _underWay);
            }
        }

        _ = Task.Run(() => SendAsync(copy));
        return null;
    }

    private HttpRequestMessage Copy(Exchange exchange)
    {
        var slash = exchange.OutgoingTarget is ['/', ..] ? "" : "/";
        var copy = new HttpRequestMessage(
            HttpMethod.Parse(exchange.OutgoingMethod),
            new Uri($"{_url}{slash}{exchange.OutgoingTarget}", RequestHead.AsSent)
        )
        {
            Content = Outside.BodyOf(exchange),
        };
        Outside.CopyAll(exchange, copy);
        return copy;
    }

    private async Task SendAsync(HttpRequestMessage copy)
    {
        using var patience = new CancellationTokenSource(_timeout);
        try
        {
            using var answer = await outside.SendAsync(copy, patience.Token).ConfigureAwait(false);
        }
        catch (Exception failure)
            when (failure
                    is HttpRequestException
                        or OperationCanceledException
                        or IOException
                        or InvalidOperationException
            )
        {
            counters.MirrorFailed();
        }
        finally
        {
            copy.Dispose();
            Interlocked.Decrement(ref _underWay);
        }
    }
}
