using System.Text.Json.Nodes;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>The keys that workers sign backend JWTs with, as a JWK set (RFC 7517 §5). Public: that is what they are for.</summary>
internal static class GatewayKeys
{
    public static void MapGatewayKeys(this IEndpointRouteBuilder rest) =>
        rest.MapGet("/gateway-keys", ShowAsync)
            .WithSummary("The keys that workers sign backend JWTs with")
            .Produces<JsonObject>(StatusCodes.Status200OK, "application/jwk-set+json")
            .AllowAnonymous();

    // Of every node that is registered: what one signed a moment ago is checked after it was drained.
    private static async Task<ContentHttpResult> ShowAsync(
        HttpResponse response,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        var nodes = await catalogue
            .ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation)
            .ConfigureAwait(false);
        var keys = new JsonArray();
        foreach (var node in nodes.Select(n => n.Value).Where(n => n.Profile.IsWorker()))
        {
            if (node.AssertionKey is { } key && Convert.TryFromBase64String(key, new byte[1024], out var length))
            {
                var publicKey = Convert.FromBase64String(key);
                if (length == publicKey.Length && AssertionJwk.IsOne(publicKey))
                {
                    keys.Add((JsonNode)AssertionJwk.Of(publicKey));
                }
            }
        }

        response.Headers.CacheControl = "public, max-age=60";
        return TypedResults.Text(new JsonObject { ["keys"] = keys }.ToJsonString(), "application/jwk-set+json");
    }
}
