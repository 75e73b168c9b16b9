using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Throttling;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Gateway.Balancer;

/// <summary>Does what the rules of a name ask: rate first, then the balancer's own answer, then headers on both ways.</summary>
internal sealed class HostPolicy(int counters, TimeProvider time) : IAnswerPolicy, IFaultPolicy
{
    // Made when a rule has a rate: a balancer without one has no counters.
    private readonly Lazy<CounterStore> _counters = new(() => new(counters));
    private long _refused;

    /// <summary>Requests that came too often.</summary>
    public long Refused => Volatile.Read(ref _refused);

    public bool RunsAgain => false;

    public GatewayProblem? Apply(Exchange exchange)
    {
        if (exchange.Behaviour is not { } behaviour)
        {
            return null;
        }

        if (behaviour.Rate?.Check(exchange, _counters.Value, time.GetTimestamp()) is { } tooOften)
        {
            Interlocked.Increment(ref _refused);
            return tooOften;
        }

        (exchange.Answer, var problem) = behaviour.Return(exchange);
        behaviour.ChangeRequest(exchange);
        return problem;
    }

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        exchange.Behaviour?.ChangeAnswer(exchange.Response.Headers, exchange.Response.StatusCode);
        return new((GatewayProblem?)null);
    }

    public void OnFault(Exchange exchange, GatewayProblem problem) =>
        exchange.Behaviour?.ChangeAnswer(exchange.Response.Headers, problem.Status);
}
