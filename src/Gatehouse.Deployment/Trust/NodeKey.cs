using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Deployment.Trust;

/// <summary>A node's private key, <c>pki/node.key</c>: made where it is used, never sent anywhere.</summary>
public static class NodeKey
{
    /// <summary>
    /// The key in <paramref name="dataDirectory"/>, made when there is none; a join that is tried again uses the same. Throws
    /// <see cref="UnauthorizedAccessException"/> when others may read it, <see cref="InvalidDataException"/> when it is damaged.
    /// </summary>
    public static ECDsa LoadOrCreate(string dataDirectory)
    {
        var path = PathFor(dataDirectory);
        if (File.Exists(path))
        {
            return Load(dataDirectory);
        }

        DurableFile.CreateDirectory(Path.GetDirectoryName(path)!, secret: true);
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DurableFile.Write(path, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"), secret: true);
        return key;
    }

    internal static ECDsa Load(string dataDirectory)
    {
        var path = PathFor(dataDirectory);
        var pem = Encoding.UTF8.GetString(DurableFile.ReadSecret(path));
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            return key;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw new InvalidDataException(
                $"{path} is no private key any more. Restore it from a backup, or remove the whole pki folder and join again "
                    + "with a new token."
            );
        }
    }

    private static string PathFor(string dataDirectory) => Path.Combine(dataDirectory, "pki", "node.key");
}
