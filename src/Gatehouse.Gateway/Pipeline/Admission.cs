namespace Gatehouse.Gateway.Pipeline;

/// <summary>Whether a request may pass: its route, then every policy of that route.</summary>
internal static class Admission
{
    /// <summary>Null when it may.</summary>
    public static GatewayProblem? Check(Exchange exchange)
    {
        if (exchange.Snapshot.Route(exchange) is { } none)
        {
            return none;
        }

        foreach (var policy in exchange.Route!.Policies)
        {
            if (policy.Apply(exchange) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    /// <summary>
    /// Whether a stream that is open would be let in by the newest table too. Costs a comparison until the table changes;
    /// then the policies run once more, on a copy, so that the request itself stays on the table it began with.
    /// </summary>
    public static bool StillHolds(Exchange exchange, IRequestTable table, TimeProvider time)
    {
        var newest = table.Current;
        if (ReferenceEquals(exchange.AdmittedBy, newest))
        {
            return true;
        }

        var again = new Exchange();
        again.Begin(exchange.Features, newest, time.GetUtcNow(), 0);
        again.Target = exchange.Target;
        again.Caller.CopyFrom(exchange.Caller);
        if (Check(again) is not null)
        {
            return false;
        }

        exchange.AdmittedBy = newest;
        return true;
    }
}
