using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Policies;

/// <summary>Counts what does not fit an API's document, and writes a line about it, at most one a second for an API.</summary>
internal sealed partial class ValidationLog(string api, PolicyCounters counters, TimeProvider time, ILogger logger)
{
    private long _nextLine;
    private long _untold;

    public void BadRequest(Exchange exchange, GatewayProblem problem)
    {
        counters.BadRequest();
        if (MayTell(out var untold))
        {
            LogRequest(api, exchange.Route?.Operation, exchange.RequestId, problem.Description, untold);
        }
    }

    public void BadAnswer(Exchange exchange, ImmutableArray<ProblemDetail> wrong)
    {
        counters.BadAnswer();
        if (MayTell(out var untold))
        {
            LogAnswer(api, exchange.Route?.Operation, exchange.RequestId, string.Join("; ", wrong.Take(3)), untold);
        }
    }

    private bool MayTell(out long untold)
    {
        var now = time.GetTimestamp();
        var next = Volatile.Read(ref _nextLine);
        if (now < next || Interlocked.CompareExchange(ref _nextLine, now + time.TimestampFrequency, next) != next)
        {
            Interlocked.Increment(ref _untold);
            untold = 0;
            return false;
        }

        untold = Interlocked.Exchange(ref _untold, 0);
        return true;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A request to {Api} {Operation} does not fit its OpenAPI document ({RequestId}): {Problem} {Untold} more since the last line"
    )]
    private partial void LogRequest(string api, string? operation, string requestId, string problem, long untold);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "An answer of {Api} {Operation} does not fit its OpenAPI document ({RequestId}): {Problem}. {Untold} more since the last line"
    )]
    private partial void LogAnswer(string api, string? operation, string requestId, string problem, long untold);
}
