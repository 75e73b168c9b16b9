using System.Collections.Immutable;
using System.Text;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Throttling;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Balancer;

/// <summary>What a balancer does for the calls of one name and path: all rules about them in one.</summary>
internal sealed class HostBehaviour
{
    private const int FirstError = 400;
    private readonly ImmutableArray<(string Name, CallText Value, string? Path)> _request;
    private readonly ImmutableArray<(string Name, string Value, bool OnErrors)> _answer;
    private readonly HostReturn? _return;
    private readonly CallText? _location;
    private readonly ReadOnlyMemory<byte> _body;
    private readonly string? _returnPath;

    /// <param name="rules">The most general first.</param>
    /// <param name="time">The clock that rates go by.</param>
    public HostBehaviour(ImmutableArray<HostRule> rules, TimeProvider time)
    {
        var request = new Dictionary<string, (string, CallText, string?)>(StringComparer.OrdinalIgnoreCase);
        var answer = new Dictionary<string, (string, string, bool)>(StringComparer.OrdinalIgnoreCase);
        HostRule? answering = null;
        foreach (var rule in rules)
        {
            answering = rule.Return is null ? answering : rule;
            Rate = rule.Rate is { } rate ? new(rate, rule, time) : Rate;
            foreach (var (name, value) in rule.RequestHeaders)
            {
                request[name] = (name, Text(value), rule.Path);
            }

            foreach (var (name, value) in rule.AnswerHeaders)
            {
                answer[name] = (name, value, rule.OnErrors);
            }
        }

        _request = [.. request.Values];
        _answer = [.. answer.Values];
        if (answering?.Return is { Status: > 0 } own)
        {
            _return = own;
            _returnPath = answering.Path;
            _location = own.Location is null ? null : Text(own.Location);
            _body = own.Body is null ? default : Encoding.UTF8.GetBytes(own.Body);
        }
    }

    /// <summary>True when no node is asked.</summary>
    public bool Returns => _return is not null;

    /// <summary>How often an address may call; null for as often as it likes.</summary>
    public CallerRate? Rate { get; }

    /// <summary>The answer that is given without asking a node, or why it cannot be; both null when a node is asked.</summary>
    public (Answer? Answer, GatewayProblem? Problem) Return(Exchange exchange)
    {
        if (_return is not { } own)
        {
            return (null, null);
        }

        if (_location is { HasHost: true } && exchange.Request.Headers.Host.Count == 0)
        {
            return (null, GatewayProblem.BadTarget("The request names no host."));
        }

        IHeaderDictionary headers = new HeaderDictionary();
        if (_location is not null)
        {
            headers.Location = _location.For(exchange, _returnPath);
        }

        if (own.Body is not null)
        {
            headers.ContentType = own.ContentType;
        }

        ChangeAnswer(headers, own.Status);
        return (
            new()
            {
                Status = own.Status,
                Headers = [.. headers.Select(h => KeyValuePair.Create(h.Key, h.Value))],
                Body = _body,
            },
            null
        );
    }

    public void ChangeRequest(Exchange exchange)
    {
        foreach (var (name, value, path) in _request)
        {
            Put(exchange.Request.Headers, name, value.For(exchange, path));
        }
    }

    public void ChangeAnswer(IHeaderDictionary headers, int status)
    {
        foreach (var (name, value, onErrors) in _answer)
        {
            if (onErrors || status < FirstError)
            {
                Put(headers, name, value);
            }
        }
    }

    private static void Put(IHeaderDictionary headers, string name, string value)
    {
        if (value.Length == 0)
        {
            headers.Remove(name);
        }
        else
        {
            headers[name] = new StringValues(value);
        }
    }

    private static CallText Text(string text) =>
        CallText.Parse(text, out var problem) ?? throw new ArgumentException(problem, nameof(text));
}

/// <summary>What one rule lets an address do, counted with every other limit's means: bounded, without a lock.</summary>
internal sealed class CallerRate
{
    private readonly Limit _limit;
    private readonly LimitKey _key;

    public CallerRate(AddressRate rate, HostRule rule, TimeProvider time)
    {
        _limit = new("address", rate.Burst + 1L, rate.Limit.Period / rate.Limit.Amount, time);
        // By what it says, not by its place: a reload that leaves it as it is forgives nothing.
        _key = default(LimitKey)
            .With("address")
            .With($"{string.Join(' ', rule.Hosts)} {rule.Scheme} {rule.Path} {rule.IsExact} {rate}");
    }

    /// <summary>Null when the caller may call now.</summary>
    public GatewayProblem? Check(Exchange exchange, CounterStore counters, long now)
    {
        var counter = counters.Open(KeyOf(exchange.Caller), _limit, now);
        if (counter.TryUse(_limit, _limit.Amount, now, out _))
        {
            return null;
        }

        var wait = counter.UntilAllowed(_limit, _limit.Amount, now);
        return TooOften with { RetryAfter = Math.Max(1, (wait + _limit.Frequency - 1) / _limit.Frequency) };
    }

    private static readonly GatewayProblem TooOften = new(
        429,
        "429",
        "Too Many Requests",
        "This address calls more often than it may."
    )
    {
        IsThrottling = true,
    };

    private LimitKey KeyOf(Caller caller) =>
        caller.AddressNumber is not { } number ? _key.With(caller.Address)
        : (number >> 32) == 0xFFFF ? _key.With((long)(ulong)number)
        : _key.With("v6").With((long)(ulong)(number >> 64));
}
