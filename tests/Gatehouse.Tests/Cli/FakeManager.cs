using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Cli;

/// <summary>A manager's address with a certificate of its own authority, which answers what the test says.</summary>
internal sealed class FakeManager : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly X509Certificate2 _authority;

    private FakeManager(WebApplication application, X509Certificate2 authority)
    {
        _application = application;
        _authority = authority;
    }

    public List<(string Method, string Path, string? Authorization)> Requests { get; } = [];

    public Uri Url => new(_application.Urls.Single().Replace("127.0.0.1", "localhost", StringComparison.Ordinal));

    public string Ca => _authority.ExportCertificatePem();

    public X509Certificate2 Authority => _authority;

    public ManagerContext Context =>
        new()
        {
            Managers = [Url],
            Ca = Ca,
            Token = "ght_secret",
        };

    public static async Task<FakeManager> StartAsync(RequestDelegate answer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var ask = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        ask.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var authority = ask.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));

        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var serverAsk = new CertificateRequest("CN=mgr-1", serverKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        serverAsk.CertificateExtensions.Add(names.Build());
        using var issued = serverAsk.Create(authority, authority.NotBefore, authority.NotAfter, [1, 2, 3]);
        var certificate = issued.CopyWithPrivateKey(serverKey);

        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(certificate)));
        var application = builder.Build();
        var manager = new FakeManager(application, authority);
        application.Run(async http =>
        {
            lock (manager.Requests)
            {
                manager.Requests.Add((http.Request.Method, http.Request.Path, http.Request.Headers.Authorization));
            }

            await answer(http);
        });
        await application.StartAsync();
        return manager;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _authority.Dispose();
    }
}
