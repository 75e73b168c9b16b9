using System.Globalization;
using Gatehouse.Deployment.Trust;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

internal static partial class AccessEndpoints
{
    public static void MapAccess(this IEndpointRouteBuilder rest)
    {
        rest.MapPost("/login", SignInAsync).WithSummary("Spends a sign-in code for an access token").AllowAnonymous();
        rest.MapPost("/logout", SignOutAsync)
            .WithSummary("Ends the session or token that was shown")
            .Require(Permission.Read);
        rest.MapGet("/whoami", WhoAmI).WithSummary("Whose the token is, and what it may do").Require(Permission.Read);
        rest.MapPost("/trace-grants", GrantTraceAsync)
            .Once()
            .WithSummary("Makes a grant to trace requests")
            .Require(Permission.Trace);
    }

    private static async Task<Results<Ok<IssuedToken>, JsonHttpResult<ProblemDocument>>> SignInAsync(
        SignIn ask,
        HttpContext http,
        AccessTokens tokens,
        AttemptLimit limit,
        Catalogue catalogue,
        ILogger<AccessTokens> logger,
        CancellationToken cancellation
    )
    {
        var remote = Caller.RemoteOf(http);
        var wait = limit.WaitFor(remote);
        if (wait > TimeSpan.Zero)
        {
            http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
            return ManagementProblems.Problem(
                StatusCodes.Status429TooManyRequests,
                "Too many sign-ins have failed",
                $"Wait {Math.Ceiling(wait.TotalSeconds)} seconds."
            );
        }

        http.Response.Headers.CacheControl = "no-store";
        if (await tokens.RedeemAsync(ask.Code, remote, cancellation).ConfigureAwait(false) is { } token)
        {
            return TypedResults.Ok(token);
        }

        if (limit.Failed(remote))
        {
            await catalogue
                .NoteAsync(
                    new("nobody", remote),
                    "a sign-in failed: unknown, spent or expired code; further ones from there within a minute are not listed one by one",
                    cancellation
                )
                .ConfigureAwait(false);
        }

        LogRefused(logger, remote);
        return ManagementProblems.Problem(
            StatusCodes.Status401Unauthorized,
            "The sign-in code is unknown, spent or expired",
            "A code works once and for 15 minutes. Make a new one on the manager: gatehouse login --new-link"
        );
    }

    private static async Task<NoContent> SignOutAsync(
        Caller caller,
        HttpContext http,
        AccessTokens tokens,
        Sessions sessions,
        CancellationToken cancellation
    )
    {
        if (http.User.Identity?.AuthenticationType == SessionAuthentication.Scheme)
        {
            await sessions.EndAsync(caller.TokenId, caller.User, cancellation).ConfigureAwait(false);
            await http.SignOutAsync(SessionAuthentication.Scheme).ConfigureAwait(false);
        }
        else
        {
            await tokens.RevokeAsync(caller.TokenId, caller.Actor, cancellation).ConfigureAwait(false);
        }

        return TypedResults.NoContent();
    }

    private static async Task<Created<IssuedTraceGrant>> GrantTraceAsync(
        CreateTraceGrant ask,
        HttpContext http,
        Caller caller,
        Catalogue catalogue,
        ManagementOptions options,
        CancellationToken cancellation
    )
    {
        var most = (int)TraceGrant.LongestLife.TotalSeconds;
        if (ask.Seconds < 1 || ask.Seconds > most)
        {
            throw new ProblemsException([
                new("/seconds", $"A trace grant lives 1 to {most} seconds", "ask for a shorter one; it can be renewed"),
            ]);
        }

        var ends = catalogue.Time.GetUtcNow().AddSeconds(ask.Seconds);
        await catalogue
            .NoteAsync(caller.Actor, $"made a trace grant for {caller.User} until {ends:u}", cancellation)
            .ConfigureAwait(false);
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Created(
            (string?)null,
            new IssuedTraceGrant(TraceGrant.Issue(options.CatalogueKey, caller.User, ends), ends)
        );
    }

    private static Ok<WhoAmI> WhoAmI(Caller caller) =>
        TypedResults.Ok(
            new WhoAmI(
                caller.User,
                caller.Role,
                caller.TokenId,
                [.. caller.Permissions.Select(p => p.ToString().ToLowerInvariant())]
            )
        );

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A sign-in from {Remote} failed: unknown, spent or expired code"
    )]
    private static partial void LogRefused(ILogger logger, string remote);
}
