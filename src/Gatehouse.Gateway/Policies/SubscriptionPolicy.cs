using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>Lets an application call only what it is subscribed to.</summary>
internal sealed class SubscriptionPolicy(string api) : IPolicy
{
    public GatewayProblem? Apply(Exchange exchange) =>
        exchange.Application is { } application && application.IsSubscribedTo(api, exchange.Now)
            ? null
            : GatewayProblem.NotSubscribed;
}
