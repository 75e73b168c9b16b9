using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Policies;

/// <summary>Bounds the request body: a declared length at once, an undeclared one while it streams.</summary>
internal sealed class BodySizePolicy(long most) : IPolicy
{
    public GatewayProblem? Apply(Exchange exchange)
    {
        if (exchange.Request.Headers.ContentLength > most)
        {
            return GatewayProblem.BodyTooLarge;
        }

        if (exchange.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = most;
        }

        return null;
    }
}
