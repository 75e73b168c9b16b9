using System.Collections.Immutable;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Management;

/// <summary>Who makes a REST request. A handler takes it as a parameter.</summary>
/// <param name="User">The user's name.</param>
/// <param name="Role">The furthest-reaching of their <see cref="Roles"/>.</param>
/// <param name="TokenId">Names the token that was shown, or the session.</param>
/// <param name="From">Remote address.</param>
public sealed record Caller(string User, string Role, string TokenId, string From)
{
    internal const string TokenClaim = "gatehouse:token";
    internal const string PermissionClaim = "gatehouse:permission";

    /// <summary>All their roles, the furthest-reaching first.</summary>
    public ImmutableArray<string> AllRoles
    {
        get => field.IsDefaultOrEmpty ? [Role] : field;
        init;
    }

    /// <summary>What the token that was shown is for, beside what the roles allow; null for no bound.</summary>
    public ImmutableArray<Permission>? Within { get; init; }

    /// <summary>For the audit.</summary>
    public Actor Actor => new(User, From);

    /// <summary>True when one of the roles allows it and the token is for it.</summary>
    public bool May(Permission permission) =>
        AllRoles.Any(role => Roles.Allow(role, permission)) && Within?.Contains(permission) != false;

    /// <summary>
    /// True for who publishes, runs or audits: they see where backends are and what policies do. Others see what callers of an
    /// API see of it.
    /// </summary>
    public bool SeesBehind =>
        May(Permission.Publish) || May(Permission.Operate) || May(Permission.Audit) || May(Permission.Trace);

    /// <summary>All that the caller may do, in the order of <see cref="Permission"/>.</summary>
    public IEnumerable<Permission> Permissions => Enum.GetValues<Permission>().Where(May);

    /// <summary>Found by minimal APIs: makes <see cref="Caller"/> a parameter type of handlers.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context) =>
        ValueTask.FromResult(Of(context.User, RemoteOf(context)));

    /// <summary>Who a signed-in principal is; null for one that is not signed in.</summary>
    /// <param name="principal">Made by one of this application's ways to sign in.</param>
    /// <param name="from">Remote address.</param>
    public static Caller? Of(ClaimsPrincipal principal, string from)
    {
        if (principal.Identity is not { IsAuthenticated: true, Name: { } name })
        {
            return null;
        }

        var roles = principal.FindAll(ClaimTypes.Role).Select(c => c.Value).ToImmutableArray();
        var within = principal.FindAll(PermissionClaim).Select(c => c.Value).ToList();
        return new(
            name,
            Roles.Names.FirstOrDefault(roles.Contains) ?? roles.FirstOrDefault() ?? "",
            principal.FindFirstValue(TokenClaim) ?? "",
            from
        )
        {
            AllRoles = roles,
            Within =
                within.Count == 0
                    ? null
                    :
                    [
                        .. Enum.GetValues<Permission>()
                            .Where(p => within.Contains(p.ToString(), StringComparer.OrdinalIgnoreCase)),
                    ],
        };
    }

    /// <summary>The address a request comes from; empty when it is not known.</summary>
    public static string RemoteOf(HttpContext context) => context.Connection.RemoteIpAddress?.ToString() ?? "";

    /// <summary>What <see cref="Of"/> reads.</summary>
    /// <param name="user">The user's name.</param>
    /// <param name="roles">Their roles.</param>
    /// <param name="tokenId">Names the token or session.</param>
    /// <param name="scheme">The way they signed in.</param>
    /// <param name="within">What the token is for; null for no bound.</param>
    public static ClaimsPrincipal Principal(
        string user,
        IEnumerable<string> roles,
        string tokenId,
        string scheme,
        IEnumerable<Permission>? within = null
    ) =>
        new(
            new ClaimsIdentity(
                [
                    new(ClaimTypes.Name, user),
                    new(TokenClaim, tokenId),
                    .. roles.Select(role => new Claim(ClaimTypes.Role, role)),
                    .. (within ?? []).Select(p => new Claim(PermissionClaim, p.ToString())),
                ],
                scheme
            )
        );
}
