using System.Buffers;
using System.Text;
using System.Text.Json;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Throttling;

namespace Gatehouse.Gateway.Tracing;

/// <summary>
/// What became of one request and why, for a caller with a trace grant who asked: the match, each policy's verdict and time,
/// what limits counted, where it was sent. Made for that request alone; every other one pays a comparison with null.
/// Holds names, numbers and addresses, never a header's value, so no credential can be in it.
/// </summary>
internal sealed class RequestTrace(string node, TimeProvider time)
{
    private const int MostSteps = 64;
    private const int MostLimits = 32;
    private const int MostTargets = 16;

    private readonly List<Step> _steps = [];
    private readonly List<LimitVerdict> _limits = [];
    private readonly List<Attempt> _attempts = [];
    private long _mark = time.GetTimestamp();

    /// <summary>The time that the next step is measured from.</summary>
    public void Mark() => _mark = time.GetTimestamp();

    /// <summary>The request was matched, or no API, resource or method was found for it.</summary>
    public void Matched(GatewayProblem? problem) => Add("match", Verdict(problem, answers: false), problem);

    /// <summary>A policy has judged the request.</summary>
    public void Judged(IPolicy policy, GatewayProblem? problem, bool answers) =>
        Add(policy.Name, Verdict(problem, answers), problem);

    /// <summary>A policy has seen the answer's head.</summary>
    public void SawAnswer(IPolicy policy, GatewayProblem? problem) =>
        Add($"{policy.Name} (answer)", Verdict(problem, answers: false), problem);

    /// <summary>A limit was asked.</summary>
    /// <param name="level">Whose limit.</param>
    /// <param name="limit">The limit, the whole cluster's.</param>
    /// <param name="allowed">This node's part of it.</param>
    /// <param name="left">What is left of that part.</param>
    /// <param name="granted">Whether the request may pass.</param>
    public void Asked(ThrottleLevel level, Limit limit, long allowed, long left, bool granted)
    {
        if (_limits.Count < MostLimits)
        {
            _limits.Add(new(level, limit, allowed, left, granted));
        }
    }

    /// <summary>The request is being sent to a target.</summary>
    public void Tries(Target target) => _attempts.Add(new(target, time.GetTimestamp()));

    /// <summary>The attempt before the next one has ended.</summary>
    public void Ended(ForwardingOutcome outcome)
    {
        var last = _attempts[^1];
        _attempts[^1] = last with { Outcome = outcome, Took = time.GetElapsedTime(last.Began) };
    }

    /// <summary>Writes the trace into the answer's head; again when another answer takes its place.</summary>
    public void Tell(Exchange exchange) =>
        exchange.Response.Headers[HeaderNames.Trace] = Encoding.ASCII.GetString(Write(exchange).WrittenSpan);

    private static string Verdict(GatewayProblem? problem, bool answers) =>
        problem is not null ? "refused"
        : answers ? "answered"
        : "passed";

    private void Add(string name, string verdict, GatewayProblem? problem)
    {
        var now = time.GetTimestamp();
        if (_steps.Count < MostSteps)
        {
            _steps.Add(new(name, verdict, problem?.Code, time.GetElapsedTime(_mark, now)));
        }

        _mark = now;
    }

    // The writer's default encoder leaves nothing but printable ASCII, so it fits a header.
    private ArrayBufferWriter<byte> Write(Exchange exchange)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("node", node);
        json.WriteNumber("epoch", exchange.Epoch ?? 0);
        json.WriteString("requestId", exchange.RequestId);
        json.WriteNumber("microseconds", Microseconds(time.GetElapsedTime(exchange.StartedAt)));
        WriteMatch(json, exchange);
        WriteCaller(json, exchange);
        WriteSteps(json);
        WriteLimits(json, exchange);
        WriteTargets(json, exchange);
        WriteAnswer(json, exchange);
        json.WriteEndObject();
        json.Flush();
        return buffer;
    }

    private static void WriteMatch(Utf8JsonWriter json, Exchange exchange)
    {
        if (exchange.Route is not { } route)
        {
            return;
        }

        json.WriteStartObject("match");
        json.WriteString("api", route.Name);
        json.WriteNumber("revision", route.Revision);
        if (route.Operation is not null)
        {
            json.WriteString("operation", route.Operation);
        }

        json.WriteEndObject();
    }

    private static void WriteCaller(Utf8JsonWriter json, Exchange exchange)
    {
        json.WriteStartObject("caller");
        json.WriteString("address", exchange.Caller.Address);
        json.WriteString("transport", exchange.Caller.IsHttps ? "https" : "http");
        if (exchange.Application is { } application)
        {
            json.WriteString("application", application.Name);
        }

        if (exchange.Token is { } token)
        {
            json.WriteString("way", "oauth2");
            json.WriteString("issuer", token.Issuer.Settings.Name);
        }
        else if (exchange.Key is { } way)
        {
            json.WriteString("way", way.Type.ToString().ToLowerInvariant());
        }

        if (exchange.Key is { } key)
        {
            json.WriteString("key", key.Id);
            json.WriteString("environment", key.IsSandbox ? "sandbox" : "production");
        }

        if (exchange.Subscription is { } subscription)
        {
            json.WriteString("plan", subscription.Plan ?? Model.Plan.Unlimited);
        }

        json.WriteEndObject();
    }

    private void WriteSteps(Utf8JsonWriter json)
    {
        json.WriteStartArray("steps");
        foreach (var step in _steps)
        {
            json.WriteStartObject();
            json.WriteString("name", step.Name);
            json.WriteString("verdict", step.Verdict);
            if (step.Code is not null)
            {
                json.WriteString("code", step.Code);
            }

            json.WriteNumber("microseconds", Microseconds(step.Took));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteLimits(Utf8JsonWriter json, Exchange exchange)
    {
        if (_limits.Count == 0)
        {
            return;
        }

        json.WriteNumber("limitsDividedAmong", exchange.Limits.Shares.Workers);
        json.WriteStartArray("limits");
        foreach (var (level, limit, allowed, left, granted) in _limits)
        {
            json.WriteStartObject();
            json.WriteString("level", ThrottleMeter.NameOf(level));
            json.WriteString("policy", limit.HeaderName.Trim('"'));
            json.WriteString("unit", limit.IsBandwidth ? "bytes" : "requests");
            json.WriteNumber("amount", limit.Amount << limit.Shift);
            json.WriteNumber("seconds", limit.Seconds);
            json.WriteNumber("allowedHere", allowed << limit.Shift);
            json.WriteNumber("leftHere", left << limit.Shift);
            json.WriteString("verdict", granted ? "passed" : "refused");
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteTargets(Utf8JsonWriter json, Exchange exchange)
    {
        if (exchange.Route is not { Operation: not null } route)
        {
            return;
        }

        json.WriteStartArray("endpoints");
        foreach (var target in Forwarder.PoolOf(exchange, route).Targets.Take(MostTargets))
        {
            json.WriteStartObject();
            json.WriteString("url", target.Name);
            json.WriteNumber("group", target.Group);
            json.WriteNumber("weight", target.Weight);
            json.WriteNumber("inFlight", target.InFlight);
            json.WriteString(
                "state",
                target.Weight == 0 ? "weight 0"
                    : target.Health.IsCut ? "cut off"
                    : !target.IsOpen ? "full"
                    : target.Health.IsPreferred ? "well"
                    : "doubted"
            );
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("attempts");
        foreach (var attempt in _attempts)
        {
            json.WriteStartObject();
            json.WriteString("url", attempt.Target.Name);
            json.WriteString("outcome", attempt.Outcome?.ToText() ?? "answered");
            json.WriteNumber("microseconds", Microseconds(attempt.Took ?? time.GetElapsedTime(attempt.Began)));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteAnswer(Utf8JsonWriter json, Exchange exchange)
    {
        json.WriteStartObject("answer");
        json.WriteNumber("status", exchange.Response.StatusCode);
        json.WriteString(
            "from",
            exchange.Problem is not null ? "gateway"
                : exchange.Answer is not null ? exchange.Route!.Policies[exchange.AnsweredBy].Name
                : "endpoint"
        );
        if (exchange.Problem is { } problem)
        {
            json.WriteString("code", problem.Code);
            json.WriteString("message", problem.Message);
            json.WriteString("description", problem.Description);
        }

        json.WriteEndObject();
    }

    private static double Microseconds(TimeSpan time) => Math.Round(time.TotalMicroseconds, 1);

    private readonly record struct Step(string Name, string Verdict, string? Code, TimeSpan Took);

    private readonly record struct LimitVerdict(
        ThrottleLevel Level,
        Limit Limit,
        long Allowed,
        long Left,
        bool Granted
    );

    private readonly record struct Attempt(Target Target, long Began)
    {
        public ForwardingOutcome? Outcome { get; init; }

        public TimeSpan? Took { get; init; }
    }
}
