using System.Security.Cryptography;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// The join tokens' rules: one hour, ten attempts, the first public key binds. Attempts are counted under the head row's
/// lock, so that many at once spend many.
/// </summary>
public sealed class EnrolmentLedger(Catalogue catalogue) : IEnrolmentLedger
{
    /// <summary>How often a token may be tried.</summary>
    public const int MaxAttempts = 10;

    /// <inheritdoc/>
    public async Task<TokenVerdict> RedeemAsync(
        string tokenId,
        ReadOnlyMemory<byte> secret,
        Digest publicKey,
        string remote,
        CancellationToken cancellation
    )
    {
        // Looked up without a write first: what is guessed at random shall not keep the disk busy.
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var known = await context
                .JoinTokens.AsNoTracking()
                .SingleOrDefaultAsync(t => t.Id == tokenId, cancellation)
                .ConfigureAwait(false);
            if (known is null)
            {
                return Refused("the join token is unknown: it was revoked, or made for another cluster");
            }

            if (known.Attempts >= MaxAttempts)
            {
                return Refused("the join token was tried too often; make a new one");
            }
        }

        TokenVerdict? verdict = null;
        var transaction = new CatalogueTransaction(new("joiner", remote), $"tried join token {tokenId}");
        transaction.Also(
            async (rows, ct) =>
            {
                var token = await rows.JoinTokens.FindAsync([tokenId], ct).ConfigureAwait(false);
                verdict = token is null
                    ? Refused("the join token was revoked")
                    : Judge(token, secret.Span, publicKey, catalogue.Time.GetUtcNow());
                transaction.Summary = verdict.Accepted
                    ? $"join token {tokenId} let in {verdict.Node} ({verdict.Profile.Name()})"
                    : $"join token {tokenId} was refused: {verdict.Reason}";
            }
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return verdict!;
    }

    /// <inheritdoc/>
    public async Task RegisterAsync(
        Node node,
        string serialNumber,
        DateTimeOffset notAfter,
        CancellationToken cancellation
    )
    {
        var present = await FindAsync(node.Name, cancellation).ConfigureAwait(false);
        await WriteAsync(node, present, serialNumber, notAfter, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<bool> RenewAsync(
        Node node,
        string serialNumber,
        DateTimeOffset notAfter,
        CancellationToken cancellation
    )
    {
        // An eviction between this look and the commit makes the commit fail: the epoch is another one.
        var present = await FindAsync(node.Name, cancellation).ConfigureAwait(false);
        if (present is null)
        {
            return false;
        }

        await WriteAsync(node, present, serialNumber, notAfter, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc/>
    public async Task<bool> IsRegisteredAsync(string node, CancellationToken cancellation) =>
        await FindAsync(node, cancellation).ConfigureAwait(false) is not null;

    private Task<StoredEntity<Node>?> FindAsync(string node, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Node, node, ModelJson.Default.Node, cancellation);

    private async Task WriteAsync(
        Node node,
        StoredEntity<Node>? present,
        string serialNumber,
        DateTimeOffset notAfter,
        CancellationToken cancellation
    )
    {
        var now = catalogue.Time.GetUtcNow();
        var transaction = new CatalogueTransaction(
            new(node.Name),
            $"registered node {node.Name} ({node.Profile.Name()}) with certificate {serialNumber}"
        )
            .Put(
                EntityKinds.Node,
                node.Name,
                node with
                {
                    Draining = present?.Value.Draining ?? false,
                    // What an operator said since stays.
                    Environments = present?.Value.Environments ?? node.Environments,
                    // One that was let in when the profile meant more keeps what it has.
                    KeepsToProfile =
                        node.Profile != Profile.GatewayManager ? null
                        : present is null ? true
                        : present.Value.KeepsToProfile,
                },
                ModelJson.Default.Node,
                present?.Epoch ?? 0
            )
            .Also(
                async (context, ct) =>
                {
                    if (await context.NodeCertificates.FindAsync([serialNumber], ct).ConfigureAwait(false) is null)
                    {
                        context.NodeCertificates.Add(
                            new()
                            {
                                SerialNumber = serialNumber,
                                Node = node.Name,
                                NotAfter = notAfter,
                                IssuedAt = now,
                            }
                        );
                    }
                }
            );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
    }

    private static TokenVerdict Judge(
        JoinTokenRow token,
        ReadOnlySpan<byte> secret,
        Digest publicKey,
        DateTimeOffset now
    )
    {
        if (token.Attempts >= MaxAttempts)
        {
            return Refused("the join token was tried too often; make a new one");
        }

        token.Attempts++;
        if (!CryptographicOperations.FixedTimeEquals(Digest.Of(secret).ToArray(), token.SecretHash.ToArray()))
        {
            return Refused("the join token's secret is wrong");
        }

        if (token.ExpiresAt <= now)
        {
            return Refused($"the join token expired at {token.ExpiresAt:u}; make a new one");
        }

        if (token.PublicKey is { } bound && bound != publicKey)
        {
            return Refused("the join token was used by another node already; make a new one");
        }

        token.PublicKey ??= publicKey;
        token.UsedAt ??= now;
        return new(true, "", token.Profile, token.Node) { Environments = token.EnvironmentNames() };
    }

    private static TokenVerdict Refused(string reason) => new(false, reason, default, "");
}
