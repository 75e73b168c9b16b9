using Gatehouse.Deployment.Trust;

namespace Gatehouse.Deployment.Internal;

/// <summary>What the handshake found out about one connection; a feature of it.</summary>
internal sealed class InternalConnection(InternalPurpose purpose)
{
    /// <summary>What it was opened for.</summary>
    public InternalPurpose Purpose => purpose;

    /// <summary>Who is at the other end; null without a certificate.</summary>
    public PeerIdentity? Peer { get; set; }
}
