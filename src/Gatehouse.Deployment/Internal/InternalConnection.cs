using Gatehouse.Deployment.Trust;

namespace Gatehouse.Deployment.Internal;

/// <summary>What the handshake found out about one connection; a feature of it.</summary>
internal sealed class InternalConnection(InternalPurpose purpose)
{
    /// <summary>What it was opened for.</summary>
    public InternalPurpose Purpose => purpose;

    /// <summary>Who is at the other end; null without a certificate.</summary>
    public PeerIdentity? Peer { get; set; }

    /// <summary>Which authority issued its certificate: the identifier of that one's key; empty without one.</summary>
    public ReadOnlyMemory<byte> Authority { get; set; }

    /// <summary>That authority is believed no more: what is asked now is the last.</summary>
    public bool Ends
    {
        get => Volatile.Read(ref _ends);
        set => Volatile.Write(ref _ends, value);
    }

    private bool _ends;
}
