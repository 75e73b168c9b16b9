using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>Turns sandbox keys away from an API without a sandbox: a test must never reach production.</summary>
internal sealed class SandboxPolicy : IPolicy
{
    public GatewayProblem? Apply(Exchange exchange) =>
        exchange.Key is { IsSandbox: true } ? GatewayProblem.NoSandbox : null;
}
