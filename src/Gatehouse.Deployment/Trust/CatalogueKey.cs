using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// Signs every change and heartbeat, so that a node can take them from a peer. It exists beside the authority because node
/// certificates live 30 days and a change for ever.
/// </summary>
public sealed class CatalogueKey : IDisposable
{
    private readonly ECDsa _key;
    private readonly Lock _signing = new();

    private CatalogueKey(ECDsa key)
    {
        _key = key;
        PublicHalf = key.ExportSubjectPublicKeyInfo();
    }

    /// <summary>SubjectPublicKeyInfo, for <see cref="CatalogueVerifier"/> on every node.</summary>
    public ReadOnlyMemory<byte> PublicHalf { get; }

    /// <summary>A new key.</summary>
    public static CatalogueKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Takes up a key from its PKCS#8 bytes.</summary>
    public static CatalogueKey Load(ReadOnlySpan<byte> privateKey)
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(privateKey, out _);
        return new(key);
    }

    /// <summary>The key as PKCS#8 bytes. For <see cref="ClusterKey.Wrap"/> and nothing else.</summary>
    public byte[] ExportKey() => _key.ExportPkcs8PrivateKey();

    /// <summary>Signs <paramref name="change"/> as part of <paramref name="history"/>.</summary>
    public byte[] Sign(EntityChange change, string history) => Sign(change.SignedBytes(history));

    /// <summary>Says that <paramref name="head"/> was the newest at <paramref name="issuedAt"/>.</summary>
    public SignedHeartbeat SignHeartbeat(CatalogueHead head, DateTimeOffset issuedAt) =>
        new(head, issuedAt, Sign(HeartbeatBytes(head, issuedAt)));

    /// <summary>
    /// What a heartbeat's signature covers. Begins with a length that no <see cref="EntityChange.SignedBytes"/> begins with,
    /// so that neither can pass for the other.
    /// </summary>
    public static byte[] HeartbeatBytes(CatalogueHead head, DateTimeOffset issuedAt)
    {
        var history = Encoding.UTF8.GetBytes(head.History);
        var bytes = new byte[8 + history.Length + 8 + Digest.Size + 8];
        BinaryPrimitives.WriteInt32BigEndian(bytes, -1);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), history.Length);
        history.CopyTo(bytes, 8);
        var rest = bytes.AsSpan(8 + history.Length);
        BinaryPrimitives.WriteInt64BigEndian(rest, head.Epoch);
        head.Chain.CopyTo(rest[8..]);
        BinaryPrimitives.WriteInt64BigEndian(rest[(8 + Digest.Size)..], issuedAt.ToUnixTimeMilliseconds());
        return bytes;
    }

    /// <inheritdoc/>
    public override string ToString() => "catalogue key (hidden)";

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    internal byte[] Sign(byte[] bytes)
    {
        lock (_signing)
        {
            return _key.SignData(bytes, HashAlgorithmName.SHA256);
        }
    }
}

/// <summary>Checks what <see cref="CatalogueKey"/> signed.</summary>
public sealed class CatalogueVerifier : IDisposable
{
    private readonly ECDsa _key;
    private readonly Lock _verifying = new();

    /// <summary>Takes the public half. Throws <see cref="CryptographicException"/> when it is none.</summary>
    public CatalogueVerifier(ReadOnlySpan<byte> publicHalf)
    {
        _key = ECDsa.Create();
        _key.ImportSubjectPublicKeyInfo(publicHalf, out _);
    }

    /// <summary>True when a manager wrote <paramref name="change"/> in <paramref name="history"/>. Does not throw.</summary>
    public bool Verify(EntityChange change, string history) =>
        Verify(change.SignedBytes(history), change.Signature.Span) && change.IsIntact();

    /// <summary>True when a manager vouched for <paramref name="heartbeat"/>. Does not throw.</summary>
    public bool Verify(SignedHeartbeat heartbeat) =>
        Verify(CatalogueKey.HeartbeatBytes(heartbeat.Head, heartbeat.IssuedAt), heartbeat.Signature.Span);

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    internal bool Verify(byte[] bytes, ReadOnlySpan<byte> signature)
    {
        lock (_verifying)
        {
            return _key.VerifyData(bytes, signature, HashAlgorithmName.SHA256);
        }
    }
}
