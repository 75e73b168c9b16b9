namespace Gatehouse.Gateway.Pipeline;

/// <summary>Whether a request may pass: its route, then every policy of that route.</summary>
internal static class Admission
{
    /// <summary>Null when it may, as far as can be told without waiting; then <see cref="HasToWait"/> says whether that was all.</summary>
    public static GatewayProblem? Check(Exchange exchange)
    {
        var none = exchange.Snapshot.Route(exchange);
        exchange.Trace?.Matched(none);
        if (none is not null)
        {
            return none;
        }

        var route = exchange.Route!;
        for (var i = 0; i < route.FirstWaiting; i++)
        {
            var problem = route.Policies[i].Apply(exchange);
            exchange.Trace?.Judged(route.Policies[i], problem, exchange.Answer is not null);
            if (problem is not null)
            {
                return problem;
            }

            if (exchange.Answer is not null)
            {
                exchange.AnsweredBy = i;
                return null;
            }
        }

        return null;
    }

    /// <summary>Whether policies are left that may wait.</summary>
    public static bool HasToWait(Exchange exchange) =>
        exchange.Answer is null && exchange.Route is { } route && route.FirstWaiting < route.Policies.Length;

    /// <summary>The first policy that may wait and all after it.</summary>
    public static async ValueTask<GatewayProblem?> WaitAsync(Exchange exchange)
    {
        var policies = exchange.Route!.Policies;
        for (var i = exchange.Route.FirstWaiting; i < policies.Length; i++)
        {
            var problem = policies[i] is IWaitingPolicy waiting
                ? await waiting.ApplyAsync(exchange).ConfigureAwait(false)
                : policies[i].Apply(exchange);
            exchange.Trace?.Judged(policies[i], problem, exchange.Answer is not null);
            if (problem is not null)
            {
                return problem;
            }

            if (exchange.Answer is not null)
            {
                exchange.AnsweredBy = i;
                return null;
            }
        }

        return null;
    }

    /// <summary>
    /// Whether a stream that is open would be let in by the newest table too. Costs a comparison until the table changes;
    /// then the policies that only judge run once more, on a copy, so that the request itself stays on the table it began
    /// with and nothing is counted or changed twice.
    /// </summary>
    public static bool StillHolds(Exchange exchange, IRequestTable table, TimeProvider time)
    {
        if (exchange.AdmittedUntil != DateTimeOffset.MaxValue && time.GetUtcNow() >= exchange.AdmittedUntil)
        {
            return false;
        }

        var newest = table.Current;
        if (ReferenceEquals(exchange.AdmittedBy, newest))
        {
            return true;
        }

        var again = new Exchange();
        again.Begin(exchange.Features, newest, time.GetUtcNow(), 0);
        again.LookAgain(exchange);
        if (newest.Route(again) is not null)
        {
            return false;
        }

        foreach (var policy in again.Route!.Policies)
        {
            if (policy.RunsAgain && policy.Apply(again) is not null)
            {
                return false;
            }
        }

        exchange.AdmittedBy = newest;
        if (again.Key is { } key && key.Expires < exchange.AdmittedUntil)
        {
            exchange.AdmittedUntil = key.Expires;
        }

        return true;
    }
}
