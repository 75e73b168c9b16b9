using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Gatehouse.Wso2;

/// <summary>
/// Sun's JKS keystore format, version 1 and 2 (OpenJDK <c>sun.security.provider.JavaKeyStore</c>): private keys behind a stream made
/// of SHA-1 (<c>KeyProtector</c>), certificates in the clear, SHA-1 over all with the password in front. PKCS#12 files that are named .jks are read as such.
/// </summary>
public static class JavaKeystore
{
    private const uint Magic = 0xFEEDFEED;
    private const int MaxEntries = 1000;
    private const int MaxItem = 1 << 20;

    // What Java puts before the password in the seal of the file.
    private const string Whitener = "Mighty Aphrodite";

    /// <summary>Entries with a private key. Throws <see cref="InvalidDataException"/> with the reason.</summary>
    public static IReadOnlyList<KeystoreEntry> Read(byte[] bytes, string password, string keyPassword)
    {
        if (bytes.Length < 4)
        {
            throw new InvalidDataException("it is too short to be a keystore");
        }

        return BinaryPrimitives.ReadUInt32BigEndian(bytes) == Magic
            ? ReadJks(bytes, password, keyPassword)
            : ReadPkcs12(bytes, password);
    }

    private static List<KeystoreEntry> ReadPkcs12(byte[] bytes, string password)
    {
        try
        {
            var all = X509CertificateLoader.LoadPkcs12Collection(bytes, password, X509KeyStorageFlags.Exportable);
            return
            [
                .. all.Where(c => c.HasPrivateKey)
                    .Select(c => new KeystoreEntry(
                        c.FriendlyName.Length > 0 ? c.FriendlyName : "key",
                        ((AsymmetricAlgorithm?)c.GetRSAPrivateKey() ?? c.GetECDsaPrivateKey())?.ExportPkcs8PrivateKey()
                            ?? throw new InvalidDataException("it holds a key of a kind that TLS does not use"),
                        [c, .. all.Where(other => !other.HasPrivateKey)]
                    )),
            ];
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"it is neither JKS nor PKCS#12, or the password is wrong ({e.Message})", e);
        }
    }

    private static List<KeystoreEntry> ReadJks(byte[] bytes, string password, string keyPassword)
    {
        if (bytes.Length < 12 + 20)
        {
            throw new InvalidDataException("it is cut short");
        }

        var body = bytes.AsSpan(0, bytes.Length - 20);
        byte[] sealed_ =
        [
            .. Encoding.BigEndianUnicode.GetBytes(password),
            .. Encoding.UTF8.GetBytes(Whitener),
            .. body,
        ];
        // JKS knows nothing but SHA-1.
#pragma warning disable CA5350
        if (!SHA1.HashData(sealed_).AsSpan().SequenceEqual(bytes.AsSpan(bytes.Length - 20)))
#pragma warning restore CA5350
        {
            throw new InvalidDataException("the password is wrong, or the file is damaged");
        }

        var at = 4;
        var version = Int(body, ref at);
        var count = Int(body, ref at);
        if (version is not (1 or 2) || count is < 0 or > MaxEntries)
        {
            throw new InvalidDataException($"it is of a form that is not known (version {version}, {count} entries)");
        }

        var entries = new List<KeystoreEntry>();
        for (var i = 0; i < count; i++)
        {
            var tag = Int(body, ref at);
            var alias = Text(body, ref at);
            at += 8; // when it was put in
            if (tag == 1)
            {
                var key = Bytes(body, ref at).ToArray();
                var chain = new List<X509Certificate2>();
                var length = Int(body, ref at);
                for (var c = 0; c < length && c < 20; c++)
                {
                    chain.Add(Certificate(body, ref at, version));
                }

                entries.Add(new KeystoreEntry(alias, Unprotect(key, keyPassword), chain));
            }
            else if (tag == 2)
            {
                Certificate(body, ref at, version).Dispose();
            }
            else
            {
                throw new InvalidDataException($"entry {i + 1} is of a kind that is not known ({tag})");
            }
        }

        return entries;
    }

    // EncryptedPrivateKeyInfo of OID 1.3.6.1.4.1.42.2.17.1.1: salt (20), key xor stream, SHA-1 of password and key (20).
    private static byte[] Unprotect(byte[] wrapped, string password)
    {
        try
        {
            var reader = new System.Formats.Asn1.AsnReader(
                wrapped,
                System.Formats.Asn1.AsnEncodingRules.BER
            ).ReadSequence();
            var oid = reader.ReadSequence().ReadObjectIdentifier();
            if (oid != "1.3.6.1.4.1.42.2.17.1.1")
            {
                throw new InvalidDataException($"its key is protected in a way that is not known ({oid})");
            }

            var data = reader.ReadOctetString();
            if (data.Length < 40)
            {
                throw new InvalidDataException("its key is cut short");
            }

            var secret = Encoding.BigEndianUnicode.GetBytes(password);
            var digest = data[..20];
            var key = new byte[data.Length - 40];
#pragma warning disable CA5350
            for (var i = 0; i < key.Length; i += 20)
            {
                digest = SHA1.HashData([.. secret, .. digest]);
                for (var j = 0; j < 20 && i + j < key.Length; j++)
                {
                    key[i + j] = (byte)(data[20 + i + j] ^ digest[j]);
                }
            }

            if (!SHA1.HashData([.. secret, .. key]).AsSpan().SequenceEqual(data.AsSpan(data.Length - 20)))
#pragma warning restore CA5350
            {
                throw new InvalidDataException("the password of its key is another");
            }

            return key;
        }
        catch (System.Formats.Asn1.AsnContentException e)
        {
            throw new InvalidDataException($"its key is damaged: {e.Message}", e);
        }
    }

    private static X509Certificate2 Certificate(ReadOnlySpan<byte> bytes, ref int at, int version)
    {
        if (version == 2 && Text(bytes, ref at) is not "X.509")
        {
            throw new InvalidDataException("it holds a certificate that is not X.509");
        }

        try
        {
            return X509CertificateLoader.LoadCertificate(Bytes(bytes, ref at));
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"it holds a certificate that cannot be read: {e.Message}", e);
        }
    }

    private static int Int(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (at + 4 > bytes.Length)
        {
            throw new InvalidDataException("it is cut short");
        }

        var value = BinaryPrimitives.ReadInt32BigEndian(bytes[at..]);
        at += 4;
        return value;
    }

    private static ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> bytes, ref int at)
    {
        var length = Int(bytes, ref at);
        if (length is < 0 or > MaxItem || at + length > bytes.Length)
        {
            throw new InvalidDataException("it is cut short");
        }

        var part = bytes.Slice(at, length);
        at += length;
        return part;
    }

    // Java's modified UTF-8, which is UTF-8 for what aliases are made of.
    private static string Text(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (at + 2 > bytes.Length)
        {
            throw new InvalidDataException("it is cut short");
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
        at += 2;
        if (at + length > bytes.Length)
        {
            throw new InvalidDataException("it is cut short");
        }

        var text = Encoding.UTF8.GetString(bytes.Slice(at, length));
        at += length;
        return text;
    }
}

/// <summary>A private key with its certificates, the leaf first.</summary>
/// <param name="Alias">What Java calls it.</param>
/// <param name="Key">PKCS#8.</param>
/// <param name="Chain">The leaf first.</param>
public sealed record KeystoreEntry(string Alias, byte[] Key, IReadOnlyList<X509Certificate2> Chain);
