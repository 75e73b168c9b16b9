using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Management;

/// <summary>Who makes a REST request. A handler takes it as a parameter.</summary>
/// <param name="User">The user's name.</param>
/// <param name="Role">One of <see cref="Roles"/>.</param>
/// <param name="TokenId">Names the token that was shown.</param>
/// <param name="From">Remote address.</param>
public sealed record Caller(string User, string Role, string TokenId, string From)
{
    private const string TokenClaim = "gatehouse:token";

    /// <summary>For the audit.</summary>
    public Actor Actor => new(User, From);

    /// <summary>Found by minimal APIs: makes <see cref="Caller"/> a parameter type of handlers.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context) =>
        ValueTask.FromResult<Caller?>(
            context.User.Identity is { IsAuthenticated: true, Name: { } name }
                ? new(
                    name,
                    context.User.FindFirstValue(ClaimTypes.Role) ?? "",
                    context.User.FindFirstValue(TokenClaim) ?? "",
                    RemoteOf(context)
                )
                : null
        );

    internal static string RemoteOf(HttpContext context) => context.Connection.RemoteIpAddress?.ToString() ?? "";

    internal static ClaimsPrincipal Principal(string user, string role, string tokenId) =>
        new(
            new ClaimsIdentity(
                [new(ClaimTypes.Name, user), new(ClaimTypes.Role, role), new(TokenClaim, tokenId)],
                BearerAuthentication.Scheme
            )
        );
}
