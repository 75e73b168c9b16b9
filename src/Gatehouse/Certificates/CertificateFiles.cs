using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;

namespace Gatehouse.Certificates;

/// <summary>
/// Reads certificates and keys as they come: PEM with the leaf anywhere, keys with a passphrase in PKCS#8 or in OpenSSL's older
/// form (<c>openssl genrsa -des3</c>), PKCS#12.
/// </summary>
internal static partial class CertificateFiles
{
    private const int MaxBytes = 1 << 20;

    /// <summary>
    /// The leaf with its key, and its chain, leaf first. Throws <see cref="CryptographicException"/>,
    /// <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> with the reason.
    /// </summary>
    /// <param name="certificate">PEM, or PKCS#12.</param>
    /// <param name="key">PEM; null for a PKCS#12 or for a PEM that holds both.</param>
    /// <param name="passphrase">Of the key; null for none.</param>
    public static CertificateWithChain Read(string certificate, string? key, string? passphrase)
    {
        var bytes = ReadFile(certificate);
        if (!IsPem(bytes))
        {
            return ReadPkcs12(bytes, passphrase);
        }

        var text = Encoding.UTF8.GetString(bytes);
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(text);
        if (certificates.Count == 0)
        {
            throw new CryptographicException("the file holds no certificate");
        }

        using var secret = ReadKey(key is null ? text : Encoding.UTF8.GetString(ReadFile(key)), passphrase);
        var leaf =
            certificates.FirstOrDefault(c => Fits(c, secret))
            ?? throw new CryptographicException(
                $"the key does not belong to {(certificates.Count == 1 ? "the certificate" : "any certificate of the file")}"
            );
        var withKey = secret switch
        {
            RSA rsa => leaf.CopyWithPrivateKey(rsa),
            ECDsa ec => leaf.CopyWithPrivateKey(ec),
            _ => throw new CryptographicException("the key is of a kind that TLS does not use here"),
        };
        return new(withKey, Chain(leaf, certificates), HasPassphrase(key is null ? text : File.ReadAllText(key)));
    }

    /// <summary>A private key of any PEM form.</summary>
    public static AsymmetricAlgorithm ReadKey(string pem, string? passphrase)
    {
        if (!pem.Contains("PRIVATE KEY", StringComparison.Ordinal))
        {
            throw new CryptographicException("the file holds no private key");
        }

        if (HasPassphrase(pem) && passphrase is null)
        {
            throw new CryptographicException("the key has a passphrase, and none is given");
        }

        try
        {
            return OlderForm().Match(pem) is { Success: true } older ? ReadOlderForm(older, passphrase!)
                : pem.Contains("ENCRYPTED PRIVATE KEY", StringComparison.Ordinal) ? Import(pem, passphrase)
                : Import(pem, null);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new CryptographicException($"the key cannot be read: {e.Message}", e);
        }
        catch (CryptographicException e) when (passphrase is not null)
        {
            throw new CryptographicException(
                "the key cannot be read: the passphrase is wrong, or the file is damaged",
                e
            );
        }
    }

    /// <summary>PKCS#12 with the whole chain.</summary>
    public static byte[] ToPkcs12(CertificateWithChain certificate, string passphrase)
    {
        var all = new X509Certificate2Collection(certificate.Leaf);
        all.AddRange(certificate.Chain.Skip(1).ToArray());
        return all.Export(X509ContentType.Pkcs12, passphrase)!;
    }

    private static bool HasPassphrase(string pem) =>
        pem.Contains("ENCRYPTED PRIVATE KEY", StringComparison.Ordinal)
        || pem.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal);

    private static AsymmetricAlgorithm Import(string pem, string? passphrase)
    {
        CryptographicException? first = null;
        foreach (var make in (Func<AsymmetricAlgorithm>[])[RSA.Create, ECDsa.Create])
        {
            var key = make();
            try
            {
                if (passphrase is null)
                {
                    key.ImportFromPem(KeyBlock(pem));
                }
                else
                {
                    key.ImportFromEncryptedPem(KeyBlock(pem), passphrase);
                }

                return key;
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                key.Dispose();
                first ??= e as CryptographicException ?? new CryptographicException(e.Message, e);
            }
        }

        throw first!;
    }

    // A file may hold certificates and parameters of a curve beside the key.
    private static string KeyBlock(string pem) =>
        Block().Matches(pem).FirstOrDefault(m => m.Value.Contains("PRIVATE KEY", StringComparison.Ordinal))?.Value
        ?? pem;

    // PEM encryption of RFC 1421, as OpenSSL made it until 3.0: the key is MD5 over passphrase and salt.
    [SuppressMessage("Security", "CA5350", Justification = "Only reads what the old manual's openssl steps wrote.")]
    private static AsymmetricAlgorithm ReadOlderForm(Match older, string passphrase)
    {
        var iv = Convert.FromHexString(older.Groups["iv"].Value);
        using var cipher = (SymmetricAlgorithm)(
            older.Groups["cipher"].Value switch
            {
                "DES-EDE3-CBC" => TripleDES.Create(),
                "AES-128-CBC" => Sized(128),
                "AES-192-CBC" => Sized(192),
                "AES-256-CBC" => Sized(256),
                var other => throw new CryptographicException(
                    $"the key is encrypted with {other}, which is not known here"
                ),
            }
        );
        cipher.Key = Derive(passphrase, iv, cipher.KeySize / 8);
        var body = Convert.FromBase64String(
            string.Concat(older.Groups["body"].Value.Where(c => !char.IsWhiteSpace(c)))
        );
        var plain = cipher.DecryptCbc(body, iv);
        if (older.Groups["label"].Value == "EC")
        {
            var ec = ECDsa.Create();
            ec.ImportECPrivateKey(plain, out _);
            return ec;
        }

        var rsa = RSA.Create();
        rsa.ImportRSAPrivateKey(plain, out _);
        return rsa;

        static Aes Sized(int bits)
        {
            var aes = Aes.Create();
            aes.KeySize = bits;
            return aes;
        }
    }

    private static byte[] Derive(string passphrase, byte[] iv, int length)
    {
        byte[] secret = [.. Encoding.UTF8.GetBytes(passphrase), .. iv.AsSpan(0, 8)];
        var key = new List<byte>();
        byte[] last = [];
        while (key.Count < length)
        {
            // What OpenSSL's EVP_BytesToKey does; nothing is protected with it here, only read.
#pragma warning disable CA5351
            last = MD5.HashData([.. last, .. secret]);
#pragma warning restore CA5351
            key.AddRange(last);
        }

        return [.. key.Take(length)];
    }

    private static CertificateWithChain ReadPkcs12(byte[] bytes, string? passphrase)
    {
        var all = X509CertificateLoader.LoadPkcs12Collection(bytes, passphrase, X509KeyStorageFlags.Exportable);
        var leaf =
            all.FirstOrDefault(c => c.HasPrivateKey)
            ?? throw new CryptographicException("the file holds no private key");
        return new(leaf, Chain(leaf, all), false);
    }

    private static IReadOnlyList<X509Certificate2> Chain(X509Certificate2 leaf, X509Certificate2Collection all)
    {
        var chain = new List<X509Certificate2> { leaf };
        while (
            chain[^1].Issuer != chain[^1].Subject
            && all.FirstOrDefault(c => c.Subject == chain[^1].Issuer && !chain.Contains(c)) is { } issuer
        )
        {
            chain.Add(issuer);
        }

        return chain;
    }

    private static bool Fits(X509Certificate2 certificate, AsymmetricAlgorithm key) =>
        certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo());

    private static bool IsPem(byte[] bytes) => bytes.AsSpan().IndexOf("-----BEGIN "u8) >= 0;

    private static byte[] ReadFile(string path) =>
        new FileInfo(path).Length <= MaxBytes
            ? File.ReadAllBytes(path)
            : throw new CryptographicException($"{path} is larger than any certificate");

    [GeneratedRegex(
        @"-----BEGIN (?<label>RSA|EC) PRIVATE KEY-----\s+Proc-Type: 4,ENCRYPTED\s+DEK-Info: (?<cipher>[A-Z0-9-]+),(?<iv>[0-9A-Fa-f]{16,32})\s+(?<body>[A-Za-z0-9+/=\s]+)-----END"
    )]
    private static partial Regex OlderForm();

    [GeneratedRegex("-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \\1-----", RegexOptions.Singleline)]
    private static partial Regex Block();
}

/// <summary>A certificate with its key.</summary>
/// <param name="Leaf">With the private key.</param>
/// <param name="Chain">The leaf first.</param>
/// <param name="HadPassphrase">Its key file needs a passphrase.</param>
internal sealed record CertificateWithChain(
    X509Certificate2 Leaf,
    IReadOnlyList<X509Certificate2> Chain,
    bool HadPassphrase
) : IDisposable
{
    public void Dispose() => Leaf.Dispose();
}
