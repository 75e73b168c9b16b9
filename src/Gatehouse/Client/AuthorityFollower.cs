using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Cli;

namespace Gatehouse.Client;

/// <summary>
/// Keeps the copy of the cluster's authority that lies among the user's credentials what the cluster's is. Managers say in every
/// answer whom the cluster believes; when that is not what is kept, it is fetched over the connection that the kept one vouched
/// for. So a user who runs one command while an authority is rotated never notices.
/// </summary>
internal static class AuthorityFollower
{
    /// <summary>SHA-256 of each authority that the cluster believes, with commas between.</summary>
    public const string Header = "Gatehouse-Authorities";

    /// <summary>What is to be kept instead of <paramref name="kept"/>; null when that is right, or nothing better can be had now.</summary>
    /// <param name="kept">PEM.</param>
    /// <param name="answer">A manager's answer.</param>
    /// <param name="http">The client it came by, which verifies the manager by <paramref name="kept"/>.</param>
    /// <param name="manager">Who gave it.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<string?> NewerAsync(
        string kept,
        HttpResponseMessage answer,
        HttpClient http,
        Uri manager,
        CancellationToken cancellation
    )
    {
        if (!answer.Headers.TryGetValues(Header, out var values))
        {
            return null;
        }

        var told = values
            .SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        if (told.Count == 0 || told.SetEquals(PinsOf(kept)))
        {
            return null;
        }

        try
        {
            var pem = await http.GetStringAsync(new Uri(manager, "/ca.pem"), cancellation);
            return told.SetEquals(PinsOf(pem)) ? pem : null;
        }
        catch (Exception e) when (e is HttpRequestException or CryptographicException)
        {
            return null; // the next command tries again
        }
    }

    /// <summary>Puts <paramref name="newer"/> in the place of <paramref name="kept"/> wherever the user's credentials hold it.</summary>
    public static void Keep(string path, string kept, string newer)
    {
        var credentials = Credentials.Load(path);
        foreach (var (name, context) in credentials.Contexts)
        {
            if (context.Ca == kept)
            {
                credentials = credentials with
                {
                    Contexts = credentials.Contexts.SetItem(name, context with { Ca = newer }),
                };
            }
        }

        try
        {
            credentials.Save(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                $"the cluster's authority is being replaced, and the new one cannot be kept: {e.Message}",
                path,
                "make the file writable, and run any command before the old authority is retired",
                cause: e
            );
        }
    }

    private static IEnumerable<string> PinsOf(string pem)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(pem);
        return authorities.Select(SignInLink.PinOf);
    }
}
