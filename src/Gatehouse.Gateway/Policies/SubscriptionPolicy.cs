using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Lets an application call only what it is subscribed to.</summary>
internal sealed class SubscriptionPolicy(string api) : IPolicy
{
    public GatewayProblem? Apply(Exchange exchange)
    {
        var subscription = exchange.Application?.SubscriptionTo(api, exchange.Now);
        exchange.Subscription = subscription?.Limits;
        return subscription?.State switch
        {
            SubscriptionState.Active => null,
            SubscriptionState.Blocked => GatewayProblem.SubscriptionBlocked,
            SubscriptionState.ProductionBlocked => exchange.Key is { IsSandbox: true }
                ? null
                : GatewayProblem.SubscriptionBlocked,
            SubscriptionState.OnHold => GatewayProblem.SubscriptionInactive,
            _ => GatewayProblem.NotSubscribed,
        };
    }
}
