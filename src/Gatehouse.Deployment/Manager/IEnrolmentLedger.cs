using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Manager;

/// <summary>The management side's memory of join tokens and issued certificates.</summary>
public interface IEnrolmentLedger
{
    /// <summary>
    /// Spends one attempt on a join token and, when the secret is right, binds it to <paramref name="publicKey"/>: the same
    /// key may come again, another may not.
    /// </summary>
    Task<TokenVerdict> RedeemAsync(
        string tokenId,
        ReadOnlyMemory<byte> secret,
        Digest publicKey,
        string remote,
        CancellationToken cancellation
    );

    /// <summary>Writes the node with its environments into the catalogue and the certificate's serial number into the audit.</summary>
    Task RegisterAsync(Node node, string serialNumber, DateTimeOffset notAfter, CancellationToken cancellation);

    /// <summary>
    /// Writes a renewed certificate. False, and nothing is written, when the node left or was evicted: a renewal never
    /// registers anew.
    /// </summary>
    Task<bool> RenewAsync(Node node, string serialNumber, DateTimeOffset notAfter, CancellationToken cancellation);

    /// <summary>True while the node is registered: neither left nor evicted.</summary>
    Task<bool> IsRegisteredAsync(string node, CancellationToken cancellation);
}

/// <summary>What a join token is good for.</summary>
/// <param name="Accepted">True when a certificate may be issued.</param>
/// <param name="Reason">For the joiner and the log when not: unknown, wrong secret, expired, used by another key, too many attempts.</param>
/// <param name="Profile">What the node becomes.</param>
/// <param name="Node">How it is called.</param>
public sealed record TokenVerdict(bool Accepted, string Reason, Profile Profile, string Node)
{
    /// <summary>The environments it is let in for.</summary>
    public ImmutableArray<string> Environments { get; init; } = [GatewayEnvironment.Default];
}
