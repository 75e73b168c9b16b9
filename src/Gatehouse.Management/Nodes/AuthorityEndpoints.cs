using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class AuthorityEndpoints
{
    public static void MapAuthority(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/authority", ShowAsync)
            .WithSummary("The certificate authority, and its rotation")
            .Require(Permission.Read);
        rest.MapPost("/authority/rotation", BeginAsync)
            .Once()
            .WithSummary("Begins to rotate the certificate authority")
            .Require(Permission.Operate);
        rest.MapPost("/authority/rotation/next", AdvanceAsync)
            .WithSummary("Begins the next stage of the rotation, once every node is through the present one")
            .Require(Permission.Operate);
        rest.MapDelete("/authority/rotation", AbortAsync)
            .WithSummary("Takes the rotation back")
            .Require(Permission.Operate);
    }

    private static async Task<Ok<AuthorityView>> ShowAsync(
        AuthorityRotation rotation,
        CancellationToken cancellation
    ) => TypedResults.Ok(await rotation.ReadAsync(cancellation).ConfigureAwait(false));

    private static async Task<Created<AuthorityView>> BeginAsync(
        AuthorityRotation rotation,
        Caller caller,
        CancellationToken cancellation
    ) =>
        TypedResults.Created(
            "/api/v1/authority",
            await rotation.BeginAsync(caller.Actor, cancellation).ConfigureAwait(false)
        );

    private static async Task<Ok<AuthorityView>> AdvanceAsync(
        AdvanceRotation? ask,
        AuthorityRotation rotation,
        Caller caller,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            await rotation.AdvanceAsync(ask?.Without ?? [], caller.Actor, cancellation).ConfigureAwait(false)
        );

    private static async Task<Ok<AuthorityView>> AbortAsync(
        AuthorityRotation rotation,
        Caller caller,
        CancellationToken cancellation
    ) => TypedResults.Ok(await rotation.AbortAsync(caller.Actor, cancellation).ConfigureAwait(false));
}
