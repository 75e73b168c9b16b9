using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway;

/// <summary>A node's internal port: TLS, and an answer that tells which node it was.</summary>
internal sealed class TlsNode : IAsyncDisposable
{
    private static readonly X509Certificate2 s_certificate = MakeCertificate();
    private readonly ListenerSet _listeners;
    private int _requests;

    private TlsNode(string name)
    {
        Name = name;
        _listeners = new(ServeAsync, NullLoggerFactory.Instance);
    }

    public string Name { get; }
    public int Requests => Volatile.Read(ref _requests);
    public int Port { get; private set; }
    public IHeaderDictionary Seen { get; private set; } = new HeaderDictionary();
    public string SeenTarget { get; private set; } = "";
    public string? ServerName { get; private set; }
    public Func<IFeatureCollection, Task>? OnRequest { get; set; }

    public Node Entity(Profile profile = Profile.GatewayWorker, bool draining = false) =>
        new()
        {
            Name = Name,
            Profile = profile,
            SubDomain = "worker",
            Host = "127.0.0.1",
            InternalPort = Port,
            Draining = draining,
        };

    public static async Task<TlsNode> StartAsync(string name, int port = 0)
    {
        var node = new TlsNode(name);
        await node._listeners.StartAsync([
            new()
            {
                Name = "internal",
                EndPoint = new(IPAddress.Loopback, port),
                Tls = serverName =>
                {
                    node.ServerName = serverName;
                    return new() { ServerCertificate = s_certificate };
                },
            },
        ]);
        node.Port = node._listeners.Bound["internal"].Port;
        return node;
    }

    public static SslClientAuthenticationOptions Trusting(Node node, DataHop hop) =>
        new()
        {
            TargetHost = hop == DataHop.Apis ? "apis.gatehouse.internal" : "management.gatehouse.internal",
            RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                certificate?.GetCertHashString() == s_certificate.GetCertHashString(),
        };

    public static SslServerAuthenticationOptions ServerTls => new() { ServerCertificate = s_certificate };

    public static bool IsOurs(X509Certificate? certificate) =>
        certificate?.GetCertHashString() == s_certificate.GetCertHashString();

    public ValueTask DisposeAsync() => _listeners.DisposeAsync();

    private async Task ServeAsync(IFeatureCollection features)
    {
        Interlocked.Increment(ref _requests);
        var request = features.GetRequiredFeature<IHttpRequestFeature>();
        Seen = new HeaderDictionary(
            request.Headers.ToDictionary(h => h.Key, h => h.Value, StringComparer.OrdinalIgnoreCase)
        );
        SeenTarget = request.RawTarget;
        if (OnRequest is { } other)
        {
            await other(features);
            return;
        }

        using var reader = new StreamReader(request.Body);
        var body = await reader.ReadToEndAsync();
        var response = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        await response.Writer.WriteAsync(System.Text.Encoding.UTF8.GetBytes(Name + body));
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
