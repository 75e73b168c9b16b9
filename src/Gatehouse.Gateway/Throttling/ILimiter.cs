namespace Gatehouse.Gateway.Throttling;

/// <summary>
/// How much of a cluster's limit this node may grant by itself. Asked on the request path: no wait, no lock, no allocation.
/// <see cref="EvenShares"/> divides by the registered workers. A limiter that leases parts of the budget from each key's
/// owner answers from the lease it keeps in <see cref="LimitCounter.Lease"/> and settles in the background, from what
/// <see cref="CounterStore.All"/> says was used and refused.
/// </summary>
internal interface ILimiter
{
    /// <summary>Units of <paramref name="limit"/> that may be used here within any period that ends now; 0 for none.</summary>
    long Allowance(LimitCounter counter, Limit limit, long now);
}
