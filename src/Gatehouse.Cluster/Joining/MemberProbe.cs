using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Cluster.Joining;

/// <summary>
/// Knocks at an address before Akka may (R1, R5): Akka takes a listener that is no member for a fault of its own and
/// shuts down, and a range of dead addresses costs it a timeout each. Only whoever shows a certificate of this cluster
/// is handed on.
/// </summary>
internal sealed class MemberProbe(MemberTrust trust)
{
    /// <summary>For the connection; a host that is down answers nothing at all.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(1);

    /// <summary>For the handshake; something else that listens may stay silent.</summary>
    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Does not throw but when cancelled.</summary>
    public async Task<ProbeResult> KnockAsync(IPAddress address, int port, string host, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ConnectTimeout);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        string? refusal = null;
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), limit.Token).ConfigureAwait(false);
            limit.CancelAfter(HandshakeTimeout);
            var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
            await using (stream.ConfigureAwait(false))
            {
                await stream
                    .AuthenticateAsClientAsync(
                        new SslClientAuthenticationOptions
                        {
                            TargetHost = host,
                            ClientCertificates = [trust.Certificate()],
                            // Without it .NET offers only certificates whose issuer the server names.
                            LocalCertificateSelectionCallback = (_, _, own, _, _) => own[0],
                            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                            RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                                (refusal = Judge(certificate)) is null,
                        },
                        limit.Token
                    )
                    .ConfigureAwait(false);
                await stream.ShutdownAsync().WaitAsync(limit.Token).ConfigureAwait(false);
            }

            return new(ProbeOutcome.Member, null);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return socket.Connected
                ? new(ProbeOutcome.Stranger, "it accepts connections but does not answer a TLS handshake")
                : new(ProbeOutcome.Silent, "no answer");
        }
        catch (SocketException e)
        {
            return new(ProbeOutcome.Silent, e.SocketErrorCode.ToString());
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return refusal is not null ? new(ProbeOutcome.Stranger, refusal) : new(ProbeOutcome.Stranger, Explain(e));
        }
    }

    private string? Judge(X509Certificate? certificate)
    {
        if (certificate is null)
        {
            return "it shows no certificate";
        }

        return certificate is X509Certificate2 known
            ? trust.Refuse(known)
            : trust.Refuse(new X509Certificate2(certificate));
    }

    private static string Explain(Exception fault) =>
        fault.InnerException is SocketException or null && fault is IOException
            ? "it ended the TLS handshake: it is no member, or it refuses this node's certificate"
            : $"the TLS handshake failed ({(fault.InnerException ?? fault).Message})";
}

/// <summary>Who listens at an address.</summary>
/// <param name="Outcome">What it is.</param>
/// <param name="Detail">Why, in words for the operator; null for a member.</param>
internal sealed record ProbeResult(ProbeOutcome Outcome, string? Detail);

internal enum ProbeOutcome
{
    /// <summary>Holds a certificate of this cluster.</summary>
    Member,

    /// <summary>Nobody listens, or nothing comes through.</summary>
    Silent,

    /// <summary>Something listens that is no member of this cluster.</summary>
    Stranger,
}
