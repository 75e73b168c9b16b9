using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenIddict.Abstractions;
using OpenIddict.Core;
using OpenIddict.EntityFrameworkCore.Models;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Gatehouse.KeyManager;

/// <summary>
/// OpenIddict's manager of tokens, which also tells the workers: an access token that ends before its time, by itself or with
/// its grant, becomes a revocation, which reaches every worker within a second and is in its store when it restarts.
/// </summary>
internal sealed class RevokingTokenManager(
    IOpenIddictTokenCache<OpenIddictEntityFrameworkCoreToken> cache,
    ILogger<OpenIddictTokenManager<OpenIddictEntityFrameworkCoreToken>> logger,
    IOptionsMonitor<OpenIddictCoreOptions> options,
    IOpenIddictTokenStore<OpenIddictEntityFrameworkCoreToken> store,
    Catalogue catalogue
) : OpenIddictTokenManager<OpenIddictEntityFrameworkCoreToken>(cache, logger, options, store)
{
    /// <inheritdoc/>
    public override async ValueTask<bool> TryRevokeAsync(
        OpenIddictEntityFrameworkCoreToken token,
        CancellationToken cancellationToken = default
    )
    {
        await TellAsync([token], cancellationToken).ConfigureAwait(false);
        return await base.TryRevokeAsync(token, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask<long> RevokeByAuthorizationIdAsync(
        string identifier,
        CancellationToken cancellationToken = default
    )
    {
        await TellAsync(
                await FindByAuthorizationIdAsync(identifier, cancellationToken)
                    .ToListAsync(cancellationToken)
                    .ConfigureAwait(false),
                cancellationToken
            )
            .ConfigureAwait(false);
        return await base.RevokeByAuthorizationIdAsync(identifier, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask<long> RevokeBySubjectAsync(
        string subject,
        CancellationToken cancellationToken = default
    )
    {
        await TellAsync(
                await FindBySubjectAsync(subject, cancellationToken)
                    .ToListAsync(cancellationToken)
                    .ConfigureAwait(false),
                cancellationToken
            )
            .ConfigureAwait(false);
        return await base.RevokeBySubjectAsync(subject, cancellationToken).ConfigureAwait(false);
    }

    // First the workers, then our own table: a failure between the two revokes too much, never too little.
    private async Task TellAsync(IEnumerable<OpenIddictEntityFrameworkCoreToken> tokens, CancellationToken cancellation)
    {
        var now = catalogue.Time.GetUtcNow();
        var transaction = new CatalogueTransaction(Actor.System, "revoked access tokens");
        var any = false;
        foreach (
            var token in tokens.Where(t =>
                t is { Type: TokenTypeIdentifiers.AccessToken, Status: Statuses.Valid }
                && t.ExpirationDate > now.UtcDateTime
            )
        )
        {
            any = true;
            transaction.Put(
                EntityKinds.Revocation,
                Revocation.OfJti(KeyManagerSettings.IssuerName, token.Id!),
                new Revocation { Reason = "revoked at the key manager", At = now },
                ModelJson.Default.Revocation,
                // An hour for clocks that are apart.
                expiresAt: new DateTimeOffset(token.ExpirationDate!.Value, TimeSpan.Zero).AddHours(1)
            );
        }

        if (any)
        {
            await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        }
    }
}
