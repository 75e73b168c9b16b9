using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.KeyManager;

/// <summary>What the key manager is set to. The issuer's URL is chosen once and kept in the catalogue: every token names it.</summary>
/// <param name="IssuerUrl">The <c>iss</c> of its tokens.</param>
internal sealed record KeyManagerSettings(string IssuerUrl)
{
    /// <summary>How the key manager is called among the issuers.</summary>
    public const string IssuerName = "gatehouse";

    /// <summary>How long an access token lives.</summary>
    public TimeSpan AccessToken { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a refresh token lives; each use gives a new one.</summary>
    public TimeSpan RefreshToken { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The longest that anything signed lives.</summary>
    public TimeSpan LongestToken => AccessToken;

    /// <summary>The settings, with the issuer that the catalogue names already, or <paramref name="url"/> for a new one.</summary>
    public static async Task<KeyManagerSettings> ReadAsync(
        Catalogue catalogue,
        string url,
        CancellationToken cancellation
    )
    {
        var known = await catalogue
            .FindAsync(EntityKinds.Issuer, IssuerName, ModelJson.Default.Issuer, cancellation)
            .ConfigureAwait(false);
        // As a URL is written in full, with the slash: tokens and workers compare it letter by letter.
        return new(known?.Value.Url ?? new Uri(url).AbsoluteUri);
    }
}
