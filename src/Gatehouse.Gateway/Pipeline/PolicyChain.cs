using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Policies;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>The order in which an operation's policies run, and why each stands where it does. Only what an operation needs is in its chain.</summary>
internal static class PolicyChain
{
    /// <param name="api">The API.</param>
    /// <param name="operation">Its operation.</param>
    /// <param name="verifier">Checks tokens.</param>
    /// <param name="epoch">The change that brought the API.</param>
    /// <param name="time">The clock of limits.</param>
    public static IPolicy[] For(Api api, Operation operation, TokenVerifier verifier, long epoch, TimeProvider time)
    {
        var chain = new List<IPolicy>();

        // Before anything is revealed or asked for: credentials must not be encouraged over a transport the API does not allow.
        if (TransportPolicy.For(api.Transports) is { } transport)
        {
            chain.Add(transport);
        }

        // Before credentials are checked: a blocked API costs nobody anything.
        if (api.Status == ApiStatus.Blocked)
        {
            chain.Add(new BlockedPolicy());
        }

        // Who calls. Everything below is about the caller.
        var isOpen = operation.Open || api.Security.IsEmpty;
        if (!isOpen)
        {
            var authentication = new AuthenticationPolicy(api, operation, verifier);
            chain.Add(api.Security.Contains(SecurityScheme.OAuth2) ? new TokenPolicy(authentication) : authentication);

            // What the caller may call. A prototype is open to every application.
            if (api.Status != ApiStatus.Prototyped)
            {
                chain.Add(new SubscriptionPolicy(Api.EntityName(api.Name, api.Version)));
            }

            // Which backends the caller's key opens.
            if (api.Sandbox is null)
            {
                chain.Add(new SandboxPolicy());
            }
        }

        // A caller that may not call learns nothing about limits and costs nobody's quota; what follows reads more of the
        // request than its head, which only those within their limits may make us do.
        chain.Add(BlockPolicy.Instance);
        chain.Add(new ThrottlePolicy(api, operation, isOpen, epoch, time));

        if (api.MaxRequestBody is { } most)
        {
            chain.Add(new BodySizePolicy(most));
        }

        return [.. chain];
    }
}
