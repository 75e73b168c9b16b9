using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Model;

namespace Gatehouse.Portal.Publisher;

/// <summary>What came of calling a backend once, step by step; null for steps that were not reached or needed.</summary>
/// <param name="Url">The backend.</param>
/// <param name="Resolved">How long its name took.</param>
/// <param name="Connected">How long TCP took.</param>
/// <param name="Secured">How long TLS took.</param>
/// <param name="Answered">How long the answer to a HEAD request took.</param>
/// <param name="Status">The answer's status; any is good: something speaks HTTP there.</param>
/// <param name="Failure">What went wrong, and what to look at.</param>
public sealed record EndpointCheck(
    string Url,
    TimeSpan? Resolved = null,
    TimeSpan? Connected = null,
    TimeSpan? Secured = null,
    TimeSpan? Answered = null,
    int? Status = null,
    string? Failure = null
)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    /// <summary>Calls it. Does not throw, but when <paramref name="cancellation"/> ends it.</summary>
    /// <param name="text">Its address.</param>
    /// <param name="authorities">Certificates that its own has to chain to; null for those that this machine trusts.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<EndpointCheck> RunAsync(string text, string? authorities, CancellationToken cancellation)
    {
        var check = new EndpointCheck(text);
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            return check with { Failure = "is no http or https address" };
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_longest);
        try
        {
            var clock = Stopwatch.StartNew();
            var resolved = await Dns.GetHostAddressesAsync(url.DnsSafeHost, deadline.Token).ConfigureAwait(false);
            check = check with { Resolved = Lap(clock) };
            // Every address that is tried, in either form: what is link-local is the machine's business, not a backend.
            IPAddress[] addresses =
            [
                .. resolved
                    .Select(a => a.IsIPv4MappedToIPv6 ? a.MapToIPv4() : a)
                    .Where(a => !a.IsIPv6LinkLocal && a.GetAddressBytes() is not [169, 254, _, _]),
            ];
            if (addresses.Length == 0)
            {
                return check with { Failure = "is a link-local address" };
            }

            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(addresses, url.Port, deadline.Token).ConfigureAwait(false);
            check = check with { Connected = Lap(clock) };
            Stream stream = new NetworkStream(socket);
            if (url.Scheme == "https")
            {
                var secure = new SslStream(stream);
                await secure
                    .AuthenticateAsClientAsync(
                        new SslClientAuthenticationOptions
                        {
                            TargetHost = url.DnsSafeHost,
                            CertificateChainPolicy = authorities is null ? null : Believing(authorities),
                        },
                        deadline.Token
                    )
                    .ConfigureAwait(false);
                check = check with { Secured = Lap(clock) };
                stream = secure;
            }

            await using (stream.ConfigureAwait(false))
            {
                await stream
                    .WriteAsync(
                        System.Text.Encoding.ASCII.GetBytes(
                            $"HEAD {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nUser-Agent: gatehouse\r\nConnection: close\r\n\r\n"
                        ),
                        deadline.Token
                    )
                    .ConfigureAwait(false);
                var head = new byte[12];
                await stream.ReadExactlyAsync(head, deadline.Token).ConfigureAwait(false);
                check = check with { Answered = Lap(clock) };
                return
                    System.Text.Encoding.ASCII.GetString(head)
                        is ['H', 'T', 'T', 'P', '/', '1', '.', _, ' ', .. var code]
                    && int.TryParse(code, System.Globalization.CultureInfo.InvariantCulture, out var status)
                    ? check with
                    {
                        Status = status,
                    }
                    : check with
                    {
                        Failure = "answers, but not with HTTP",
                    };
            }
        }
        catch (AuthenticationException e)
        {
            return check with { Failure = $"its certificate is not trusted here: {e.Message}" };
        }
        catch (FormatException e)
        {
            return check with { Failure = $"cannot be known by the API's certificates: {e.Message}" };
        }
        catch (SocketException e)
        {
            return check with { Failure = e.Message };
        }
        catch (IOException)
        {
            return check with { Failure = "closed the connection before it answered" };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return check with { Failure = $"did not answer within {s_longest.TotalSeconds:0} seconds" };
        }
    }

    // As the gateways do it.
    private static X509ChainPolicy Believing(string authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(BackendAuthorities.Read(authorities));
        return policy;
    }

    private static TimeSpan Lap(Stopwatch clock)
    {
        var lap = clock.Elapsed;
        clock.Restart();
        return lap;
    }
}
