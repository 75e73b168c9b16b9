using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Cli;

namespace Gatehouse.Client;

/// <summary>
/// Gets the cluster's certificate authority from a manager we cannot trust yet, and believes it only when it is the pinned
/// one. Nothing secret is sent on this connection.
/// </summary>
internal static class AuthorityFetch
{
    private const int Longest = 64 * 1024;

    /// <summary>The authority as PEM; both while one takes over from another and the link pins them.</summary>
    public static async Task<string> PinnedAsync(Uri manager, string pin, CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            AllowAutoRedirect = false,
            UseCookies = false,
        };
        // The answer is judged by its hash, not by who sends it.
#pragma warning disable CA5359
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        using var http = new HttpClient(handler)
        {
            Timeout = TimeSpan.FromSeconds(15),
            MaxResponseContentBufferSize = Longest,
        };
        var url = new Uri(manager, "/ca.pem");
        try
        {
            var pem = await http.GetStringAsync(url, cancellation);
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(pem);
            var pins = pin.Split(',');
            var pinned = authorities
                .Where(a => pins.Contains(SignInLink.PinOf(a), StringComparer.OrdinalIgnoreCase))
                .ToList();
            return pinned.Count > 0
                ? string.Concat(pinned.Select(a => a.ExportCertificatePem() + "\n"))
                : throw new CommandFailure(
                    ExitCode.NotAllowed,
                    "the manager that answers is not the one of the link: its certificate authority is another",
                    manager.ToString(),
                    "somebody may stand in between; the code was not sent. Ask for a new link"
                );
        }
        catch (HttpRequestException e)
        {
            throw ManagerProblem.Read(e, url);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailure(ExitCode.TimedOut, "no answer from the manager within 15 s", url.ToString());
        }
        catch (CryptographicException e)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                "what the manager sent is not a certificate",
                url.ToString(),
                "is this a Gatehouse manager?",
                cause: e
            );
        }
    }
}
