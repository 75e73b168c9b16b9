using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>Answers every call to a blocked API.</summary>
internal sealed class BlockedPolicy : IPolicy
{
    public GatewayProblem? Apply(Exchange exchange) => GatewayProblem.Blocked;
}
