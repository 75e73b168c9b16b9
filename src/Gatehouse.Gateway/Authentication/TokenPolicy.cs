using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Authentication;

/// <summary>Authentication of an API that takes tokens: one that is seen for the first time has to be waited for, all else passes at once.</summary>
internal sealed class TokenPolicy(AuthenticationPolicy authentication) : IWaitingPolicy
{
    public string Name => PolicyNames.Of(typeof(AuthenticationPolicy));

    public GatewayProblem? Apply(Exchange exchange) => authentication.Apply(exchange);

    public ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        var problem = authentication.Apply(exchange);
        return ReferenceEquals(problem, AuthenticationPolicy.NotRemembered)
            ? authentication.CheckAsync(exchange)
            : new(problem);
    }
}
