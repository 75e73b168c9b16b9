using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Model;

/// <summary>
/// Closes secrets that travel in entities: AES-256-GCM under a key that managers make of the cluster key and give to workers
/// as they join, bound to the place the secret is for. What lies in catalogue, feed, stores and backups is the sealed form.
/// </summary>
public sealed class SecretSeal : IDisposable
{
    /// <summary>What the cluster key's derived key is for.</summary>
    public const string Purpose = "worker secrets";

    private const string Prefix = "ghs1_";
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private readonly AesGcm _cipher;

    /// <param name="key">32 bytes.</param>
    public SecretSeal(ReadOnlySpan<byte> key) => _cipher = new(key, TagSize);

    /// <summary>Closes a secret.</summary>
    /// <param name="place">What it is for, such as <c>issuer/corp</c>: in another place it does not open.</param>
    /// <param name="secret">The secret.</param>
    public string Close(string place, string secret)
    {
        var text = Encoding.UTF8.GetBytes(secret);
        var sealedBytes = new byte[NonceSize + TagSize + text.Length];
        RandomNumberGenerator.Fill(sealedBytes.AsSpan(0, NonceSize));
        lock (_cipher)
        {
            _cipher.Encrypt(
                sealedBytes.AsSpan(0, NonceSize),
                text,
                sealedBytes.AsSpan(NonceSize + TagSize),
                sealedBytes.AsSpan(NonceSize, TagSize),
                Encoding.UTF8.GetBytes(place)
            );
        }

        CryptographicOperations.ZeroMemory(text);
        return Prefix + Base64Url.EncodeToString(sealedBytes);
    }

    /// <summary>Opens what <see cref="Close"/> made. Throws <see cref="CryptographicException"/> for another key or place, or anything else.</summary>
    public string Open(string place, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] closed;
        try
        {
            closed = text.StartsWith(Prefix, StringComparison.Ordinal)
                ? Base64Url.DecodeFromChars(text.AsSpan(Prefix.Length))
                : [];
        }
        catch (FormatException)
        {
            closed = [];
        }

        if (closed.Length < NonceSize + TagSize)
        {
            throw new CryptographicException("This is no sealed secret, or one of a newer Gatehouse.");
        }

        var secret = new byte[closed.Length - NonceSize - TagSize];
        try
        {
            lock (_cipher)
            {
                _cipher.Decrypt(
                    closed.AsSpan(0, NonceSize),
                    closed.AsSpan(NonceSize + TagSize),
                    closed.AsSpan(NonceSize, TagSize),
                    secret,
                    Encoding.UTF8.GetBytes(place)
                );
            }
        }
        catch (AuthenticationTagMismatchException bad)
        {
            throw new CryptographicException("The secret was sealed with another key, or for another place.", bad);
        }

        return Encoding.UTF8.GetString(secret);
    }

    /// <inheritdoc/>
    public void Dispose() => _cipher.Dispose();
}
