using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// The key that a worker signs backend JWTs with, <c>pki/assertion.key</c>: made where it is used, never sent anywhere. Its
/// public half is part of what the node says about itself.
/// </summary>
public sealed class AssertionKey : IDisposable
{
    private readonly RSA _key;

    private AssertionKey(RSA key)
    {
        _key = key;
        PublicHalf = key.ExportSubjectPublicKeyInfo();
    }

    /// <summary>SubjectPublicKeyInfo.</summary>
    public ReadOnlyMemory<byte> PublicHalf { get; }

    /// <summary>
    /// The key in <paramref name="dataDirectory"/>, made when there is none. One that is damaged is replaced: managers publish
    /// the new public half with the next report.
    /// </summary>
    public static AssertionKey LoadOrCreate(string dataDirectory)
    {
        var path = Path.Combine(dataDirectory, "pki", "assertion.key");
        var key = RSA.Create(AssertionJwk.Bits);
        if (File.Exists(path))
        {
            try
            {
                key.ImportFromPem(Encoding.UTF8.GetString(DurableFile.ReadSecret(path)));
                return new(key);
            }
            catch (Exception e) when (e is ArgumentException or CryptographicException)
            {
                // Written over below.
            }
        }

        DurableFile.CreateDirectory(Path.GetDirectoryName(path)!, secret: true);
        DurableFile.Write(path, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"), secret: true);
        return new(key);
    }

    /// <summary>PKCS#8, for whoever signs on this node.</summary>
    public byte[] Export() => _key.ExportPkcs8PrivateKey();

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
