using System.Text.Encodings.Web;
using Gatehouse.Model;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Gatehouse.Management;

/// <summary>Reads <c>Authorization: Bearer gha_…</c>.</summary>
public sealed class BearerAuthentication(
    AccessTokens tokens,
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    /// <summary>The scheme's name.</summary>
    public new const string Scheme = "Bearer";

    /// <inheritdoc/>
    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            return AuthenticateResult.NoResult();
        }

        var token = await tokens
            .AuthenticateAsync(header["Bearer ".Length..].Trim(), Context.RequestAborted)
            .ConfigureAwait(false);
        return token is null
            ? AuthenticateResult.Fail("The token is unknown, expired or revoked.")
            : AuthenticateResult.Success(new(Caller.Principal(token.User, token.Roles, token.Id, Scheme), Scheme));
    }

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties) => ChallengeAsync(Context);

    /// <inheritdoc/>
    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => ForbidAsync(Context);

    /// <summary>401, in the words of the REST API.</summary>
    public static Task ChallengeAsync(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer realm=\"gatehouse\"";
        var shown = context.Request.Headers.ContainsKey("Authorization");
        return ManagementProblems
            .Problem(
                StatusCodes.Status401Unauthorized,
                shown ? "The access token is unknown, expired or revoked" : "An access token is needed",
                "Sign in with `gatehouse login`, or send `Authorization: Bearer gha_…`."
            )
            .ExecuteAsync(context);
    }

    /// <summary>403, in the words of the REST API.</summary>
    public static Task ForbidAsync(HttpContext context)
    {
        var needed = context.GetEndpoint()?.Metadata.GetMetadata<PermissionRequirement>()?.Permission;
        return ManagementProblems
            .Problem(
                StatusCodes.Status403Forbidden,
                "Your role does not allow this",
                $"The {needed?.ToString().ToLowerInvariant()} permission is needed; ask an admin for another role."
            )
            .ExecuteAsync(context);
    }
}

internal sealed class PermissionRequirement(Permission permission) : IAuthorizationRequirement
{
    public Permission Permission { get; } = permission;
}

internal sealed class PermissionHandler : AuthorizationHandler<PermissionRequirement>
{
    protected override async Task HandleRequirementAsync(
        AuthorizationHandlerContext context,
        PermissionRequirement requirement
    )
    {
        if (Caller.Of(context.User, "")?.May(requirement.Permission) == true)
        {
            context.Succeed(requirement);
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }
}

/// <summary>How a route says what it asks of its caller.</summary>
public static class PermissionExtensions
{
    /// <summary>Only for callers whose role has <paramref name="permission"/>. Every route has this or an explicit <c>AllowAnonymous</c>.</summary>
    public static TBuilder Require<TBuilder>(this TBuilder builder, Permission permission)
        where TBuilder : IEndpointConventionBuilder
    {
        var requirement = new PermissionRequirement(permission);
        builder.WithMetadata(requirement);
        return builder.RequireAuthorization(policy => policy.RequireAuthenticatedUser().AddRequirements(requirement));
    }
}
