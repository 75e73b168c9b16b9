using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;
using Gatehouse.Plugins;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Calls a plug-in: off the loop, with copies of what it may see, and with a bound on its time. What it changed counts only
/// when it ended well and in time, so that a call that is given up can do no more to this request or to the next.
/// </summary>
internal abstract partial class PluginCalls(string name, PluginPolicy policy, ILogger logger) : IPolicy
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);
    private long _toldAt = long.MinValue / 2;
    private long _untold;

    public string Name => name;

    private PluginPolicy Policy => policy;

    public bool RunsAgain => false;

    /// <summary>The steps that the policy takes part in.</summary>
    public static IEnumerable<IPolicy> Of(string name, PluginPolicy policy, ILogger logger)
    {
        var steps = new List<IPolicy>();
        if (Overrides(policy, nameof(PluginPolicy.OnRequestAsync)))
        {
            steps.Add(new OnRequest(name, policy, logger));
        }

        if (Overrides(policy, nameof(PluginPolicy.OnAnswerAsync)))
        {
            steps.Add(new OnAnswer(name, policy, logger));
        }

        return steps;
    }

    private static bool Overrides(PluginPolicy policy, string method) =>
        policy.GetType().GetMethod(method)!.DeclaringType != typeof(PluginPolicy);

    /// <summary>Runs the plug-in, and then <paramref name="take"/> with what it said.</summary>
    private async ValueTask<GatewayProblem?> RunAsync<T>(
        Exchange exchange,
        Func<CancellationToken, ValueTask<T>> call,
        Func<T, GatewayProblem?> take
    )
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(exchange.Lifetime.RequestAborted);
        try
        {
            patience.CancelAfter(policy.Patience is { Ticks: > 0 } own && own < s_longest ? own : s_longest);
            var token = patience.Token;
            var called = Task.Run(() => call(token).AsTask(), CancellationToken.None);

            // One that is given up may fail later; nobody waits for it.
            _ = called.ContinueWith(
                static late => late.Exception,
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
            return take(await called.WaitAsync(token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (exchange.CallerGone)
        {
            throw;
        }
        catch (OperationCanceledException late) when (patience.IsCancellationRequested)
        {
            return Failed(exchange, late, $"The policy '{name}' did not come to an end.");
        }
        catch (Exception fault)
        {
            return Failed(exchange, fault, $"The policy '{name}' failed; the gateway's log says why.");
        }
    }

    // A plug-in that fails may fail for every request: one line a minute says it and how often.
    private GatewayProblem Failed(Exchange exchange, Exception fault, string description)
    {
        var (now, before) = (Environment.TickCount64, Interlocked.Read(ref _toldAt));
        if (now - before >= 60_000 && Interlocked.CompareExchange(ref _toldAt, now, before) == before)
        {
            LogFailed(logger, fault, name, exchange.RequestId, Interlocked.Exchange(ref _untold, 0));
        }
        else
        {
            Interlocked.Increment(ref _untold);
        }

        return new(500, "101500", "Plug-in failed", description);
    }

    private static PluginHeaders Copy(IHeaderDictionary headers)
    {
        var copy = new Dictionary<string, string[]>(headers.Count, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in headers)
        {
            copy[name] = [.. values.Select(v => v ?? "")];
        }

        return new(copy);
    }

    private static void Apply(PluginHeaders changed, IHeaderDictionary headers)
    {
        var changes = changed.Changes.ToList();
        foreach (var (name, values) in changes)
        {
            if (
                (
                    HeaderRules.NameProblem(name)
                    ?? values.Select(HeaderRules.ValueProblem).FirstOrDefault(p => p is not null)
                ) is
                { } why
            )
            {
                throw new InvalidOperationException($"It changed the header '{name}': {why}.");
            }
        }

        foreach (var (name, values) in changes)
        {
            headers[name] = values.Length == 0 ? StringValues.Empty : new(values);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The plug-in policy {Policy} failed for request {RequestId}, and for {Untold} others since this was last said; the caller got 500"
    )]
    private static partial void LogFailed(
        ILogger logger,
        Exception fault,
        string policy,
        string requestId,
        long untold
    );

    private sealed class OnRequest(string name, PluginPolicy policy, ILogger logger)
        : PluginCalls(name, policy, logger),
            IWaitingPolicy
    {
        public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
        {
            if (
                Policy.BodyLimit is > 0 and var most
                && await exchange.ReadBodyAsync(most).ConfigureAwait(false) is { } unread
            )
            {
                return unread;
            }

            var target = exchange.Request.RawTarget;
            var request = new PluginRequest(
                Copy(exchange.Request.Headers),
                Body(exchange, Policy.BodyLimit),
                Policy.BodyLimit > 0
            )
            {
                Id = exchange.RequestId,
                Method = exchange.Request.Method,
                Path = exchange.Target.Path(target).ToString(),
                Query = exchange.Target.Query(target).ToString(),
                CallerAddress = exchange.Caller.Address,
                Application = exchange.Application?.Id,
            };
            return await RunAsync(
                    exchange,
                    token => Policy.OnRequestAsync(request, token),
                    verdict => Take(exchange, request, verdict)
                )
                .ConfigureAwait(false);
        }

        private static ReadOnlyMemory<byte> Body(Exchange exchange, int most) =>
            most > 0 && exchange.Buffered is { } whole ? whole.Content : default;

        private static GatewayProblem? Take(Exchange exchange, PluginRequest request, Verdict verdict)
        {
            ArgumentNullException.ThrowIfNull(verdict);
            if (verdict.Refusal is { } why)
            {
                return new(verdict.Status, $"{verdict.Status}", "Refused", why);
            }

            if (verdict.Status > 0)
            {
                exchange.Answer = AnswerOf(verdict);
                return null;
            }

            Apply(request.Headers, exchange.Request.Headers);
            if (request.HasNewBody)
            {
                exchange.ReplaceBody(request.Body);
            }

            return null;
        }

        private static Answer AnswerOf(Verdict verdict)
        {
            IHeaderDictionary headers = new HeaderDictionary();
            var wanted = new PluginHeaders([]);
            foreach (var (header, value) in verdict.Headers)
            {
                wanted[header] = value;
            }

            Apply(wanted, headers);
            if (!verdict.Body.IsEmpty)
            {
                headers.ContentType = verdict.ContentType;
            }

            return new()
            {
                Status = verdict.Status,
                Headers = headers.ToImmutableArray(),
                Body = verdict.Body,
            };
        }
    }

    private sealed class OnAnswer(string name, PluginPolicy policy, ILogger logger)
        : PluginCalls(name, policy, logger),
            IAnswerPolicy
    {
        // What comes back compressed, every plug-in would have to unpack for itself.
        public GatewayProblem? Apply(Exchange exchange)
        {
            if (Policy.AnswerBodyLimit > 0)
            {
                exchange.Request.Headers.AcceptEncoding = StringValues.Empty;
            }

            return null;
        }

        public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
        {
            var headers = Copy(exchange.Response.Headers);
            var most = Policy.AnswerBodyLimit;
            if (most <= 0 || !exchange.AnswerHasBody)
            {
                return CallAsync(exchange, Answer(exchange, headers, default, most > 0));
            }

            var tooLarge = new GatewayProblem(
                502,
                "502",
                "Answer Too Large",
                $"The back end's answer is larger than the {most} bytes that the policy '{Name}' reads."
            );
            if (exchange.Response.Headers.ContentLength > most)
            {
                return new(tooLarge);
            }

            exchange.Filter(new Held(this, headers, most, tooLarge));
            return new((GatewayProblem?)null);
        }

        private static PluginAnswer Answer(
            Exchange exchange,
            PluginHeaders headers,
            ReadOnlyMemory<byte> body,
            bool readsBody
        ) => new(exchange.Response.StatusCode, headers, body, readsBody) { RequestId = exchange.RequestId };

        private ValueTask<GatewayProblem?> CallAsync(Exchange exchange, PluginAnswer answer) =>
            RunAsync(
                exchange,
                async token =>
                {
                    await Policy.OnAnswerAsync(answer, token).ConfigureAwait(false);
                    return true;
                },
                _ =>
                {
                    var headers = exchange.Response.Headers;
                    if (answer.HasNewBody)
                    {
                        // They spoke of the body that was.
                        headers.ETag = StringValues.Empty;
                        headers.ContentLength = null;
                    }

                    Apply(answer.Headers, headers);
                    return null;
                }
            );

        /// <summary>Holds the answer for the call, with its headers as they were when it came.</summary>
        private sealed class Held(OnAnswer policy, PluginHeaders headers, int most, GatewayProblem tooLarge)
            : WholeAnswer(most, tooLarge)
        {
            protected override async ValueTask<(ReadOnlyMemory<byte> Body, GatewayProblem? Problem)> TurnAsync(
                ReadOnlyMemory<byte> whole
            )
            {
                var answer = Answer(Exchange, headers, whole, readsBody: true);
                var problem = await policy.CallAsync(Exchange, answer).ConfigureAwait(false);
                return (answer.HasNewBody ? answer.Body : whole, problem);
            }
        }
    }
}
