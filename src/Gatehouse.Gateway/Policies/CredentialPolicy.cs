using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Gives the request the credential of the backends that it goes to. It is not put among the caller's headers: no policy, mirror,
/// call-out or log sees it.
/// </summary>
internal class CredentialPolicy(BackendCredential? production, BackendCredential? sandbox) : IPolicy
{
    public string Name => "endpoint-credential";

    public bool RunsAgain => false;

    /// <summary>The policy; null when neither set has a credential that is sent.</summary>
    public static CredentialPolicy? Of(BackendCredential? production, BackendCredential? sandbox) =>
        production?.Tokens is not null || sandbox?.Tokens is not null ? new TokenCredentialPolicy(production, sandbox)
        : IsSent(production) || IsSent(sandbox) ? new CredentialPolicy(production, sandbox)
        : null;

    public GatewayProblem? Apply(Exchange exchange)
    {
        if (For(exchange) is not { } credential)
        {
            return null;
        }

        if (credential.Value is { } value)
        {
            exchange.UseCredential(credential.Header!, value);
        }

        if (credential.Query is { } pair)
        {
            var query = exchange.OutgoingQuery;
            exchange.RewriteTarget(exchange.OutgoingPath, query.Length < 2 ? $"?{pair}" : $"{query}&{pair}");
        }

        return null;
    }

    protected BackendCredential? For(Exchange exchange) =>
        exchange.Key is { IsSandbox: true } && exchange.Route!.Sandbox is not null ? sandbox : production;

    private static bool IsSent(BackendCredential? credential) =>
        credential is { Value: not null } or { Query: not null };

    /// <summary>As above, with an access token that may have to be got first.</summary>
    private sealed class TokenCredentialPolicy(BackendCredential? production, BackendCredential? sandbox)
        : CredentialPolicy(production, sandbox),
            IWaitingPolicy,
            IAnswerPolicy
    {
        private static readonly GatewayProblem s_none = new(
            503,
            "101503",
            "Runtime Error",
            "The gateway has no access token for the back end now; try again later"
        );

        public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
        {
            if (For(exchange)?.Tokens is not { } tokens)
            {
                return Apply(exchange);
            }

            if (await tokens.GetAsync().ConfigureAwait(false) is not { } value)
            {
                return s_none;
            }

            exchange.UseCredential("Authorization", value);
            return null;
        }

        // A token may have been taken back before its time.
        public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
        {
            if (exchange is { Response.StatusCode: 401, Answer: null, CredentialValue: { } used })
            {
                For(exchange)?.Tokens?.Forget(used);
            }

            return new((GatewayProblem?)null);
        }
    }
}
