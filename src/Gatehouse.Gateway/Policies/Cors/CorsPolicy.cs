using System.Globalization;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>Tells browsers which pages may call (Fetch standard, CORS protocol). What the backend says itself wins.</summary>
internal sealed class CorsPolicy(CorsSettings settings) : IAnswerPolicy, IFaultPolicy
{
    private static readonly GatewayProblem s_refused = new(
        403,
        "900425",
        "CORS Origin Not Allowed",
        "Pages of this origin may not call this API."
    );

    private readonly OriginList _origins = new(settings.AllowOrigins);
    private readonly string _exposed = string.Join(", ", settings.ExposeHeaders);
    private readonly string _headers = string.Join(", ", settings.AllowHeaders);

    // "*" is the same for every caller; anything else is not, and a cache must know.
    private bool Varies => !_origins.All;

    public GatewayProblem? Apply(Exchange exchange) =>
        settings.RefuseOthers
        && exchange.Request.Headers.Origin is { Count: > 0 } origin
        && !_origins.Contain(origin.ToString())
            ? s_refused
            : null;

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        Write(exchange);
        return new((GatewayProblem?)null);
    }

    public void OnFault(Exchange exchange, GatewayProblem problem) => Write(exchange);

    /// <summary>The answer to a preflight: which of the resource's methods a page may use.</summary>
    public Answer Preflight(Exchange exchange, IEnumerable<string> ofResource)
    {
        var headers = new List<KeyValuePair<string, StringValues>> { new("Allow", string.Join(", ", ofResource)) };
        var request = exchange.Request.Headers;
        if (
            request.Origin.Count == 1
            && request.AccessControlRequestMethod.Count > 0
            && _origins.Contain(request.Origin.ToString())
        )
        {
            headers.Add(
                new("Access-Control-Allow-Methods", string.Join(", ", settings.AllowMethods.Intersect(ofResource)))
            );
            if (_headers.Length > 0)
            {
                headers.Add(new("Access-Control-Allow-Headers", _headers));
            }

            if (settings.MaxAge > 0)
            {
                headers.Add(new("Access-Control-Max-Age", settings.MaxAge.ToString(CultureInfo.InvariantCulture)));
            }
        }

        return new() { Status = 200, Headers = [.. headers] };
    }

    /// <summary>Adds a name to <c>Vary</c> unless it is there.</summary>
    internal static void Vary(IHeaderDictionary headers, string name)
    {
        if (!headers.Vary.ToString().Contains(name, StringComparison.OrdinalIgnoreCase))
        {
            headers.Append("Vary", name);
        }
    }

    private void Write(Exchange exchange)
    {
        var headers = exchange.Response.Headers;
        if (headers.AccessControlAllowOrigin.Count > 0)
        {
            return;
        }

        if (Varies)
        {
            Vary(headers, "Origin");
        }

        if (exchange.Request.Headers.Origin is not [{ Length: > 0 } origin] || !_origins.Contain(origin))
        {
            return;
        }

        headers.AccessControlAllowOrigin = _origins.All && !settings.AllowCredentials ? "*" : origin;
        if (settings.AllowCredentials)
        {
            headers.AccessControlAllowCredentials = "true";
        }

        if (_exposed.Length > 0)
        {
            headers.AccessControlExposeHeaders = _exposed;
        }
    }
}

/// <summary>Answers <c>OPTIONS</c> where the API has no such operation itself.</summary>
internal sealed class PreflightPolicy(CorsPolicy cors) : IPolicy
{
    public GatewayProblem? Apply(Exchange exchange)
    {
        exchange.Answer = cors.Preflight(exchange, exchange.AllowedMethods);
        return null;
    }
}
