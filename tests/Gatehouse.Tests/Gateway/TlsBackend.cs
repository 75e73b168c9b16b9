using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Tests.Gateway;

/// <summary>A backend with a certificate of its own that asks for one and answers with the thumbprint of what it is shown.</summary>
internal sealed class TlsBackend : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate = Issue("CN=localhost");
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public TlsBackend()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Pem => _certificate.ExportCertificatePem();

    public string Url => $"https://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>A certificate that is its own issuer.</summary>
    public static X509Certificate2 Issue(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest(name, key, HashAlgorithmName.SHA256).CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(1)
        );
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Dispose();
        _certificate.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        await using var stream = new SslStream(client.GetStream());
        try
        {
            await stream.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificate = _certificate,
                    ClientCertificateRequired = true,
#pragma warning disable CA5359 // Any certificate is taken: the test looks at which.
                    RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
                }
            );
            var shown = (stream.RemoteCertificate as X509Certificate2)?.Thumbprint ?? "none";
            while (await BackendRequest.ReadAsync(stream) is not null)
            {
                await Backend.ReplyAsync(stream, shown);
            }
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The other side hung up.
        }
    }
}
