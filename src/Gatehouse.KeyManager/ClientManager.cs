using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenIddict.Abstractions;
using OpenIddict.Core;
using OpenIddict.EntityFrameworkCore.Models;

namespace Gatehouse.KeyManager;

/// <summary>
/// OpenIddict's manager of clients, but for how secrets are kept: ours are 256 random bits, which no hash has to slow anybody
/// down on, so SHA-256 does. Beside the newest one older ones may be kept until a time, so that a secret rolls with overlap:
/// <c>sha256:hash;sha256:hash@unixSeconds</c>.
/// </summary>
internal sealed class ClientManager(
    IOpenIddictApplicationCache<OpenIddictEntityFrameworkCoreApplication> cache,
    ILogger<OpenIddictApplicationManager<OpenIddictEntityFrameworkCoreApplication>> logger,
    IOptionsMonitor<OpenIddictCoreOptions> options,
    IOpenIddictApplicationStore<OpenIddictEntityFrameworkCoreApplication> store,
    TimeProvider time
) : OpenIddictApplicationManager<OpenIddictEntityFrameworkCoreApplication>(cache, logger, options, store)
{
    private const string Prefix = "sha256:";

    /// <summary>How a secret is kept.</summary>
    public static string Keep(string secret) => Keep(Digest.Of(Encoding.UTF8.GetBytes(secret)));

    /// <summary>How a secret is kept of which only the hash is known.</summary>
    public static string Keep(Digest secret) => $"{Prefix}{secret}";

    /// <summary>A new secret in front of what was kept; the newest of that is good until <paramref name="oldEnds"/>.</summary>
    public static string Roll(string secret, string? kept, DateTimeOffset? oldEnds) =>
        oldEnds is { } end && kept is not null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{Keep(secret)};{kept.Split(';', '@')[0]}@{end.ToUnixTimeSeconds()}"
            )
            : Keep(secret);

    /// <inheritdoc/>
    protected override ValueTask<string> ObfuscateClientSecretAsync(
        string secret,
        CancellationToken cancellationToken = default
    ) => new(Keep(secret));

    /// <inheritdoc/>
    protected override ValueTask<bool> ValidateClientSecretAsync(
        string secret,
        string comparand,
        CancellationToken cancellationToken = default
    )
    {
        var shown = Encoding.ASCII.GetBytes(Keep(secret));
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var right = false;
        foreach (var kept in comparand.Split(';'))
        {
            var parts = kept.Split('@');
            var counts =
                parts.Length == 1 || (long.TryParse(parts[1], CultureInfo.InvariantCulture, out var end) && now < end);
            right |= counts && CryptographicOperations.FixedTimeEquals(shown, Encoding.ASCII.GetBytes(parts[0]));
        }

        return new(right);
    }
}
