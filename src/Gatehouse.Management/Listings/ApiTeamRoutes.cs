using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Management;

/// <summary>What a route below <c>/apis/{id}</c> that changes something asks for, when it is not <see cref="ApiRight.Edit"/>.</summary>
/// <param name="Right">The right.</param>
/// <param name="Makes">True when it may also make the API.</param>
internal sealed record ApiRightNeeded(ApiRight Right, bool Makes = false);

/// <summary>Asks teams before any route of one API that only publishers may call, whoever writes it.</summary>
internal static class ApiTeamRoutes
{
    /// <summary>Says which right a route asks for.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder route, ApiRight right, bool makes = false)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new ApiRightNeeded(right, makes));

    /// <summary>Call it after authorization.</summary>
    public static void UseApiTeams(this WebApplication app) =>
        app.Use(
            async (http, next) =>
            {
                if (
                    http.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { } pattern } route
                    && pattern.Contains("/apis/{id}", StringComparison.Ordinal)
                    && route.Metadata.GetMetadata<PermissionRequirement>()?.Permission == Permission.Publish
                    && http.Request.RouteValues["id"] is string id
                    && Caller.Of(http.User, "") is { } caller
                )
                {
                    var needed =
                        route.Metadata.GetMetadata<ApiRightNeeded>()
                        ?? new(HttpMethods.IsGet(http.Request.Method) ? ApiRight.Read : ApiRight.Edit);
                    var teams = http.RequestServices.GetRequiredService<ApiTeams>();
                    if (needed.Makes)
                    {
                        await teams
                            .RequireIfThereAsync(id, needed.Right, caller, http.RequestAborted)
                            .ConfigureAwait(false);
                    }
                    else
                    {
                        // The one that was judged, and no other version that the name alone could also mean.
                        http.Request.RouteValues["id"] = await teams
                            .RequireAsync(id, needed.Right, caller, http.RequestAborted)
                            .ConfigureAwait(false);
                    }
                }

                await next(http).ConfigureAwait(false);
            }
        );
}
