using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Transport;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// Gets a request answered: chooses a target, lets its upstream try, and decides after a failure whether another may.
/// A request that certainly was not sent goes to the next target, whatever its method. One that may have been sent is
/// replayed only where the route says so, once, when repeating it is harmless (RFC 9110 §9.2.2) and all of it is at hand.
/// </summary>
internal sealed class Forwarder(ForwardingCounters counters)
{
    /// <summary>Targets that one request may knock at.</summary>
    private const int MostAttempts = 4;

    public ValueTask<ForwardingOutcome> ForwardAsync(Exchange exchange) =>
        exchange.Route!.Forwarding.Replays ? BufferAndSendAsync(exchange) : SendAsync(exchange);

    /// <summary>The targets that can serve the request.</summary>
    public static TargetPool PoolOf(Exchange exchange, CompiledRoute route) =>
        exchange.Key is { IsSandbox: true } && route.Sandbox is { } sandbox ? sandbox : route.Production;

    private async ValueTask<ForwardingOutcome> BufferAndSendAsync(Exchange exchange) =>
        await BufferAsync(exchange).ConfigureAwait(false) ?? await SendAsync(exchange).ConfigureAwait(false);

    private ValueTask<ForwardingOutcome> SendAsync(Exchange exchange)
    {
        var route = exchange.Route!;
        var pool = PoolOf(exchange, route);
        exchange.CameWithCookieOf = route.Forwarding.Sticky?.Find(exchange, pool);
        pool.Retries.Earn();
        var target = exchange.CameWithCookieOf ?? pool.Choose([], HashOf(exchange, pool));
        return target is null ? new(ForwardingOutcome.NoTarget) : TryAsync(exchange, pool, target);
    }

    // One frame for all attempts: every request waits in it for its backend.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<ForwardingOutcome> TryAsync(Exchange exchange, TargetPool pool, Target target)
    {
        List<Target>? tried = null;
        while (true)
        {
            exchange.Chosen = target;
            exchange.Attempts++;
            target.Enter();
            exchange.Trace?.Tries(target);
            var span = Telemetry.Begin(exchange, target);
            ForwardingOutcome outcome;
            try
            {
                outcome = await target.Upstream.SendAsync(exchange, target).ConfigureAwait(false);
                exchange.Trace?.Ended(outcome);
                if (span is not null)
                {
                    Telemetry.End(span, exchange, outcome);
                }

                if (outcome == ForwardingOutcome.Completed)
                {
                    target.Health.Succeeded();
                    await exchange.EndAnswerAsync().ConfigureAwait(false);
                }
                else if (outcome.IsTargetsFault())
                {
                    target.Health.Failed();
                }
            }
            finally
            {
                span?.Dispose();
                target.Leave();
            }

            // The backend did what it was asked; a policy would not pass its answer on.
            if (exchange.AnswerRefusal is not null)
            {
                return ForwardingOutcome.AnswerRefused;
            }

            if (!outcome.IsTargetsFault() || Another(exchange, pool, tried ??= [], target, outcome) is not { } next)
            {
                return outcome;
            }

            target = next;
            counters.Retried();
            exchange.Response.Headers.Clear();
        }
    }

    /// <summary>The target to try after one that failed; null when it stays at that.</summary>
    private Target? Another(
        Exchange exchange,
        TargetPool pool,
        List<Target> tried,
        Target failed,
        ForwardingOutcome outcome
    )
    {
        tried.Add(failed);
        if (!MayTryAgain(exchange, outcome) || tried.Count == MostAttempts)
        {
            return null;
        }

        if (!outcome.NothingWasSent())
        {
            if (exchange.IsSentAgain)
            {
                return null;
            }

            exchange.IsSentAgain = true;
        }

        return
            pool.Choose(CollectionsMarshal.AsSpan(tried), HashOf(exchange, pool)) is { } next
            && (outcome.NothingWasSent() || pool.Retries.TrySpend())
            ? next
            : null;
    }

    private static ulong? HashOf(Exchange exchange, TargetPool pool) => pool.GoesByHash ? pool.Hash.Of(exchange) : null;

    private bool MayTryAgain(Exchange exchange, ForwardingOutcome outcome)
    {
        if (exchange.Response.HasStarted || exchange.BytesOut > 0 || exchange.CallerGone)
        {
            return false;
        }

        if (outcome.NothingWasSent())
        {
            return true;
        }

        // A target that is silent has the request and may still be at it; asking a second one doubles the work.
        if (!exchange.Route!.Forwarding.Replays || outcome == ForwardingOutcome.TimedOut)
        {
            return false;
        }

        var whole = exchange.Buffered is not null || !exchange.HasBody;
        if (whole && IsIdempotent(exchange.OutgoingMethod))
        {
            return true;
        }

        counters.NotReplayable();
        return false;
    }

    /// <summary>Reads a small body of a repeatable request as a whole. Returns what went wrong, if anything.</summary>
    private static async ValueTask<ForwardingOutcome?> BufferAsync(Exchange exchange)
    {
        if (
            exchange.Buffered is not null
            || !exchange.HasBody
            || !IsIdempotent(exchange.OutgoingMethod)
            || exchange.Request.Headers.ContentLength is not { } length
            || length > ReplayableBody.Largest
        )
        {
            return null;
        }

        exchange.Deadline.Begin(exchange.Lifetime.RequestAborted);
        try
        {
            exchange.Buffered = await ReplayableBody.ReadAsync(exchange, (int)length).ConfigureAwait(false);
            exchange.BytesIn = length;
            return null;
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            return exchange.CallerGone ? ForwardingOutcome.CallerGone
                : failure is OperationCanceledException ? ForwardingOutcome.CallerSilent
                : ForwardingOutcome.BodyBroken;
        }
        finally
        {
            exchange.Deadline.End();
        }
    }

    /// <summary>True when doing it twice is doing it once (RFC 9110 §9.2.2).</summary>
    public static bool IsIdempotent(string method) =>
        method is "GET" or "HEAD" or "PUT" or "DELETE" or "OPTIONS" or "TRACE";
}
