using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// 256 secret bits that wrap every secret the catalogue holds. Lies in <c>pki/cluster.key</c> or comes as a systemd
/// credential; in no database, feed, log or backup.
/// </summary>
public sealed class ClusterKey : IDisposable
{
    private const string Prefix = "ghk1_";
    private const int Size = 32;
    private const byte Format = 1;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private readonly byte[] _key;

    // Two calls at once would use one context of OpenSSL: one fails, or encrypts under the other's nonce.
    private readonly Lock _lock = new();
    private readonly AesGcm _cipher;

    private ClusterKey(byte[] key)
    {
        _key = key;
        _cipher = new(key, TagSize);
    }

    /// <summary>Where the key of the node with <paramref name="dataDirectory"/> lies: a systemd credential when there is one, else the data directory.</summary>
    public static string PathFor(string dataDirectory)
    {
        var credentials = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY");
        var credential = string.IsNullOrEmpty(credentials) ? null : Path.Combine(credentials, "cluster.key");
        return credential is not null && File.Exists(credential)
            ? credential
            : Path.Combine(dataDirectory, "pki", "cluster.key");
    }

    /// <summary>A new key, in memory.</summary>
    public static ClusterKey Create() => new(RandomNumberGenerator.GetBytes(Size));

    /// <summary>Takes 32 bytes that are a key. Throws <see cref="ArgumentException"/> on any other length.</summary>
    public static ClusterKey From(ReadOnlySpan<byte> key) =>
        key.Length == Size
            ? new(key.ToArray())
            : throw new ArgumentException($"A cluster key has {Size} bytes, not {key.Length}.", nameof(key));

    /// <summary>
    /// Reads the key of a node. Throws <see cref="FileNotFoundException"/> when there is none,
    /// <see cref="UnauthorizedAccessException"/> when others may read it, <see cref="FormatException"/> when it is damaged.
    /// </summary>
    public static ClusterKey Load(string dataDirectory)
    {
        var path = PathFor(dataDirectory);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException(
                $"There is no cluster key in {path}. Without it nothing secret in the catalogue can be read: "
                    + "put the saved key back there (mode 600), or let this manager join again.",
                path
            );
        }

        var inDataDirectory = path.StartsWith(Path.Combine(dataDirectory, "pki"), StringComparison.Ordinal);
        var text = Encoding.UTF8.GetString(DurableFile.ReadSecret(path, groupMayRead: !inDataDirectory));
        try
        {
            return From(SecretText.Decode(Prefix, "cluster key", text, 256));
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new FormatException($"{path}: {e.Message}");
        }
    }

    /// <summary>Writes the key to <c>pki/cluster.key</c>, mode 600. Refuses to replace another one.</summary>
    public void Save(string dataDirectory)
    {
        var path = Path.Combine(dataDirectory, "pki", "cluster.key");
        if (File.Exists(path))
        {
            using var present = Load(dataDirectory);
            if (!CryptographicOperations.FixedTimeEquals(present._key, _key))
            {
                throw new IOException($"{path} already holds another cluster key; it is not replaced.");
            }

            return;
        }

        DurableFile.CreateDirectory(Path.GetDirectoryName(path)!, secret: true);
        DurableFile.Write(path, Encoding.ASCII.GetBytes(SecretText.Encode(Prefix, _key) + "\n"), secret: true);
    }

    /// <summary>Encrypts <paramref name="secret"/> so that only this key opens it, and only under the same <paramref name="name"/>.</summary>
    public byte[] Wrap(string name, ReadOnlySpan<byte> secret)
    {
        var wrapped = new byte[1 + NonceSize + TagSize + secret.Length];
        wrapped[0] = Format;
        var nonce = wrapped.AsSpan(1, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        lock (_lock)
        {
            _cipher.Encrypt(
                nonce,
                secret,
                wrapped.AsSpan(1 + NonceSize + TagSize),
                wrapped.AsSpan(1 + NonceSize, TagSize),
                AssociatedData(name)
            );
        }

        return wrapped;
    }

    /// <summary>Opens what <see cref="Wrap"/> made. Throws <see cref="CryptographicException"/> when it was made with another key or name, or damaged.</summary>
    public byte[] Unwrap(string name, ReadOnlySpan<byte> wrapped)
    {
        if (wrapped.Length < 1 + NonceSize + TagSize || wrapped[0] != Format)
        {
            throw new CryptographicException(
                $"The wrapped secret '{name}' is cut, or written by a newer Gatehouse in a form this build does not know."
            );
        }

        var secret = new byte[wrapped.Length - 1 - NonceSize - TagSize];
        try
        {
            lock (_lock)
            {
                _cipher.Decrypt(
                    wrapped.Slice(1, NonceSize),
                    wrapped[(1 + NonceSize + TagSize)..],
                    wrapped.Slice(1 + NonceSize, TagSize),
                    secret,
                    AssociatedData(name)
                );
            }
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new CryptographicException(
                $"The secret '{name}' does not open with this cluster key: the key is another one, or the secret was changed.",
                e
            );
        }

        return secret;
    }

    /// <summary>
    /// A key for <paramref name="purpose"/> that every manager makes of the cluster key alike, and from which nothing of that
    /// or of another purpose's can be told (HKDF, RFC 5869).
    /// </summary>
    public byte[] Derive(string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, Size, info: Encoding.UTF8.GetBytes($"gatehouse {purpose}"));

    /// <summary>The key's bytes, for a manager that joins. Never for a log, database or file but <see cref="Save"/>'s.</summary>
    public byte[] Export() => [.. _key];

    /// <inheritdoc/>
    public override string ToString() => "cluster key (hidden)";

    /// <inheritdoc/>
    public void Dispose()
    {
        _cipher.Dispose();
        CryptographicOperations.ZeroMemory(_key);
    }

    private static byte[] AssociatedData(string name) => [Format, .. Encoding.UTF8.GetBytes(name)];
}
