using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Gatehouse.Management;

/// <summary>An outside OpenID provider (Keycloak, Entra, another Gatehouse) that people may sign in by.</summary>
public sealed record OidcProvider
{
    /// <summary>Its issuer, as its discovery document below <c>/.well-known</c> says (OpenID Connect Discovery §4.3).</summary>
    public required string Issuer { get; init; }

    /// <summary>What it knows this cluster as.</summary>
    public required string ClientId { get; init; }

    /// <summary>The client's secret, asked for at each sign-in; null for a client without one, which PKCE alone protects.</summary>
    public Func<string?> ClientSecret { get; init; } = static () => null;

    /// <summary>How people call it: <c>Sign in with …</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What is asked for; <c>openid</c> always is.</summary>
    public ImmutableArray<string> Scopes { get; init; } = ["openid", "profile", "email"];

    /// <summary>The claim that names a new user.</summary>
    public string UserClaim { get; init; } = "preferred_username";

    /// <summary>The claim with roles or groups: its name, or a path with dots into it such as Keycloak's <c>realm_access.roles</c>.</summary>
    public string RoleClaim { get; init; } = "roles";

    /// <summary>Which of its roles or groups give which roles here, with spaces between; <c>*</c> for everybody.</summary>
    public ImmutableSortedDictionary<string, string> Roles { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether somebody who comes for the first time gets an account; else an existing account has to be connected.</summary>
    public bool CreatesUsers { get; init; }

    /// <summary>PEM of the authorities that may vouch for its server; null for the system's.</summary>
    public string? Authorities { get; init; }

    /// <summary>Where the outside reaches this manager, for the address it sends people back to; null for the one they asked at.</summary>
    public Func<string?> PublicUrl { get; init; } = static () => null;

    /// <summary>
    /// What a person of it is stored by: issuer and subject, and nothing else. Names and mail addresses change hands
    /// (OpenID Connect Core §5.7).
    /// </summary>
    internal static string KeyOf(string issuer, string subject) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{issuer}\n{subject}")));

    /// <summary>The roles here of somebody with these claims; none when nothing of theirs is named.</summary>
    internal ImmutableArray<string> RolesOf(JsonElement claims)
    {
        var theirs = TextsAt(claims, RoleClaim).Append("*").ToHashSet(StringComparer.Ordinal);
        return Management.Roles.Split(string.Join(' ', Roles.Where(r => theirs.Contains(r.Key)).Select(r => r.Value)));
    }

    /// <summary>A claim that is one text; null when there is none.</summary>
    internal static string? TextAt(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var claim) && claim.ValueKind == JsonValueKind.String
            ? claim.GetString()
            : null;

    // A claim may have dots in its own name (https://example.com/roles), so the whole name is tried first.
    private static IEnumerable<string> TextsAt(JsonElement claims, string path)
    {
        if (!claims.TryGetProperty(path, out var found))
        {
            found = claims;
            foreach (var step in path.Split('.'))
            {
                if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(step, out found))
                {
                    return [];
                }
            }
        }

        return found.ValueKind switch
        {
            JsonValueKind.String => [found.GetString()!],
            JsonValueKind.Array =>
            [
                .. found.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()!),
            ],
            _ => [],
        };
    }
}
