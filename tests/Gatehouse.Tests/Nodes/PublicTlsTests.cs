using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Configuration;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Nodes;
using Gatehouse.Tests.Configuration;
using Gatehouse.Tests.Deployment.Trust;
using Gatehouse.Tests.Gateway;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Nodes;

/// <summary>The public TLS ports of a node, by their settings, over real handshakes.</summary>
public sealed class PublicTlsTests : IAsyncLifetime
{
    private readonly TestCluster _cluster = new();
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("gatehouse-tls-");
    private readonly Backend _backend = new();
    private readonly ConfigurationOnDisk _configuration = new("");
    private readonly X509Certificate2 _client = Certificate("CN=shop");
    private TestGateway _gateway = null!;
    private NodeContext _node = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync();
        _node = new(
            _cluster.NewDataDirectory(),
            Settings(""),
            _cluster.Identity(Profile.GatewayWorker),
            NullLoggerFactory.Instance,
            TimeProvider.System
        );
        _node.Tls.TakesCertificates = _gateway.Table.TakesCertificates;
        _gateway.Run([
            Entities.Petstore(_backend.Url).Put(),
            .. Entities.Consumer(api: "secure:1"),
            Entities.Put(
                EntityKinds.Key,
                "cert_1",
                CanonicalJson.Write(
                    new()
                    {
                        Id = "cert_1",
                        Application = "app_1",
                        Type = KeyType.Certificate,
                        Hash = ApiKey.OfCertificate(_client.RawDataMemory.Span),
                        LastFour = "beef",
                        CreatedAt = DateTimeOffset.UnixEpoch,
                    },
                    ModelJson.Default.ApiKey
                )
            ),
        ]);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
        await _cluster.DisposeAsync();
        _configuration.Dispose();
        _client.Dispose();
        _files.Delete(recursive: true);
    }

    [Fact]
    public async Task Each_name_gets_its_own_certificate_and_none_gets_the_nodes()
    {
        await ApplyAsync(
            $"tls: {{ certificates: [ {Files("CN=one.example", "one.example")}, {Files("CN=two", "*.two.example", "*.two.example")} ] }}"
        );

        Assert.Equal("CN=one.example", await SubjectForAsync("one.example"));
        Assert.Equal("CN=one.example", await SubjectForAsync("ONE.example"));
        Assert.Equal("CN=two", await SubjectForAsync("x.two.example"));
        foreach (var other in new[] { "", "x.y.two.example", "two.example", "three.example" })
        {
            Assert.Equal(_node.Identity.Certificate.Certificate.Subject, await SubjectForAsync(other));
        }
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Both_versions_of_TLS_are_spoken(SslProtocols version)
    {
        await ApplyAsync("");

        await using var tls = await ConnectAsync("one.example", version: version);

        Assert.Equal(version, tls.SslProtocol);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(tls, "/petstore/1.0.0/x"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_certificate_serves_new_connections_and_drops_none_that_is_open()
    {
        await ApplyAsync($"tls: {{ certificates: [ {Files("CN=old", "one.example")} ] }}");
        await using var open = await ConnectAsync("one.example");
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(open, "/petstore/1.0.0/x"), StringComparison.Ordinal);

        await ApplyAsync($"tls: {{ certificates: [ {Files("CN=new", "one.example")} ] }}");

        Assert.Equal("CN=new", await SubjectForAsync("one.example"));
        Assert.Equal("CN=old", open.RemoteCertificate!.Subject);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(open, "/petstore/1.0.0/x"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("optional")]
    [InlineData("required")]
    [InlineData("auto")]
    public async Task A_certificate_that_is_bound_to_an_application_lets_it_in(string ask)
    {
        _gateway.Run(Secure().Put());
        await ApplyAsync($"listen: {{ gateway: {{ clientCertificates: {ask} }} }}");

        await using var shown = await ConnectAsync("", _client);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(shown, "/secure/1/x"), StringComparison.Ordinal);
        using var stranger = Certificate("CN=stranger");
        await using var unknown = await ConnectAsync("", stranger);
        Assert.StartsWith("HTTP/1.1 401", await AskAsync(unknown, "/secure/1/x"), StringComparison.Ordinal);

        if (ask != "required")
        {
            await using var none = await ConnectAsync("");
            Assert.StartsWith("HTTP/1.1 401", await AskAsync(none, "/secure/1/x"), StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 200", await AskAsync(none, "/petstore/1.0.0/x"), StringComparison.Ordinal);
        }
        else
        {
            await RefusedAsync(async () =>
            {
                await using var none = await ConnectAsync("");
                await AskAsync(none, "/petstore/1.0.0/x");
            });
        }
    }

    [Fact]
    public async Task Nobody_is_asked_under_a_name_that_no_mutual_TLS_API_answers_on()
    {
        await ApplyAsync("");
        Assert.False(await IsAskedAsync(""));

        _gateway.Run((Secure() with { Hosts = ["secure.example"] }).Put());
        Assert.True(await IsAskedAsync("secure.example"));
        Assert.True(await IsAskedAsync("SECURE.example"));
        Assert.False(await IsAskedAsync("other.example"));
        Assert.False(await IsAskedAsync(""));

        _gateway.Run(Secure().Put());
        Assert.True(await IsAskedAsync("other.example"));
        Assert.True(await IsAskedAsync(""));

        _gateway.Run(Entities.Gone(EntityKinds.Api, "secure:1"));
        Assert.False(await IsAskedAsync("secure.example"));

        _gateway.Run(Secure().Put());
        await ApplyAsync("listen: { gateway: { clientCertificates: off } }");
        Assert.False(await IsAskedAsync(""));
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_in_the_handshake()
    {
        using var authority = Certificate("CN=authority", authority: true);
        using var issued = Certificate("CN=issued", issuer: authority);
        var file = Path.Combine(_files.FullName, "authority.pem");
        await File.WriteAllTextAsync(file, authority.ExportCertificatePem(), Cancel);
        await ApplyAsync(
            $"listen: {{ gateway: {{ clientCertificates: optional }} }}\ntls: {{ clientAuthorities: {file} }}"
        );

        await using var good = await ConnectAsync("", issued);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(good, "/petstore/1.0.0/x"), StringComparison.Ordinal);
        await using var none = await ConnectAsync("");
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(none, "/petstore/1.0.0/x"), StringComparison.Ordinal);
        await RefusedAsync(async () =>
        {
            await using var other = await ConnectAsync("", _client);
            await AskAsync(other, "/petstore/1.0.0/x");
        });
    }

    [Fact]
    public void Authorities_that_cannot_be_read_are_named()
    {
        var file = Path.Combine(_files.FullName, "empty.pem");
        File.WriteAllText(file, "nothing");

        foreach (var path in new[] { file, Path.Combine(_files.FullName, "missing.pem") })
        {
            var problem = Assert.Single(
                _node.Certificates.Read(new() { Certificates = [], ClientAuthorities = path }, out _)
            );
            Assert.Equal("tls.clientAuthorities", problem.Pointer);
            Assert.Equal(path, problem.File);
        }
    }

    [Fact]
    public async Task The_consoles_port_and_names_never_ask_unless_all_must_show_one()
    {
        var balancer = new NodeContext(
            _cluster.NewDataDirectory(),
            Settings("listen: { balancer: { clientCertificates: optional } }", Profile.LoadBalancer),
            _cluster.Identity(Profile.LoadBalancer),
            NullLoggerFactory.Instance,
            TimeProvider.System
        );
        var table = new BalancerTable(
            new() { Tls = TlsNode.Trusting, StickyKey = new byte[32] },
            new() { Node = "lb" },
            TimeProvider.System
        );
        balancer.Tls.IsManagement = table.IsManagement;
        table
            .Prepare(
                [
                    Entities.Put(
                        EntityKinds.Hosts,
                        "default",
                        CanonicalJson.Write(new() { Management = ["console.example"] }, ModelJson.Default.PublicHosts)
                    ) with
                    {
                        Epoch = 1,
                    },
                ],
                replace: false
            )
            .Publish();
        var all = new NodeContext(
            _cluster.NewDataDirectory(),
            Settings("listen: { gateway: { clientCertificates: required } }", Profile.AllInOne),
            _cluster.Identity(Profile.AllInOne),
            NullLoggerFactory.Instance,
            TimeProvider.System
        );

        Assert.True(Asked(balancer, "https", "api.example"));
        Assert.False(Asked(balancer, "https", "Console.example"));
        Assert.True(Asked(all, "https", "x"));
        Assert.False(Asked(all, "management-https", "x"));
        balancer.Settings = Settings("listen: { balancer: { clientCertificates: required } }", Profile.LoadBalancer);
        Assert.True(Asked(balancer, "https", "console.example"));
        await Task.CompletedTask;

        static bool Asked(NodeContext node, string listener, string name) =>
            PublicListeners.Of(node).Single(l => l.Name == listener).Tls!(name)!.ClientCertificateRequired;
    }

    private Api Secure() =>
        Entities.Petstore(_backend.Url) with
        {
            Name = "secure",
            Version = "1",
            Context = "/secure",
            Security = ["mutualtls"],
        };

    private NodeSettings Settings(string yaml, Profile profile = Profile.GatewayWorker)
    {
        _configuration.Write(
            yaml.Contains("node:", StringComparison.Ordinal) ? yaml : $"node: {{ profile: {profile.Name()} }}\n{yaml}"
        );
        return _configuration.Read().Settings;
    }

    /// <summary>As a reload does it.</summary>
    private async Task ApplyAsync(string yaml)
    {
        var settings = Settings(yaml);
        Assert.Empty(_node.Certificates.Read(settings.Tls, out var use));
        _node.Settings = settings;
        var https = PublicListeners.Of(_node).Single(l => l.Name == "https");
        await _gateway.Listeners.ApplyAsync(
            [TestGateway.Plain(), https with { EndPoint = new(IPAddress.Loopback, 0) }],
            Cancel
        );
        use();
    }

    private async Task<SslStream> ConnectAsync(
        string name,
        X509Certificate2? show = null,
        Action? asked = null,
        SslProtocols version = SslProtocols.None
    )
    {
        var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, _gateway.Listeners.Bound["https"].Port, Cancel);
        var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(
            new()
            {
                TargetHost = name,
                EnabledSslProtocols = version,
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
                LocalCertificateSelectionCallback = (_, _, _, remote, _) =>
                {
                    // Called once before the server said anything, and again when it asks.
                    if (remote is not null)
                    {
                        asked?.Invoke();
                    }

                    return show!;
                },
            },
            Cancel
        );
        return tls;
    }

    private async Task<string> SubjectForAsync(string name)
    {
        await using var tls = await ConnectAsync(name);
        return tls.RemoteCertificate!.Subject;
    }

    private async Task<bool> IsAskedAsync(string name)
    {
        var asked = false;
        await using var tls = await ConnectAsync(name, asked: () => asked = true);
        return asked;
    }

    private static async Task<string> AskAsync(SslStream tls, string path)
    {
        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"), Cancel);
        var buffer = new byte[8192];
        var text = "";
        while (!text.Contains("\r\n\r\n", StringComparison.Ordinal) || !IsWhole(text))
        {
            var read = await tls.ReadAsync(buffer, Cancel);
            if (read == 0)
            {
                throw new IOException("The connection ended before the answer.");
            }

            text += Encoding.Latin1.GetString(buffer, 0, read);
        }

        return text;
    }

    private static bool IsWhole(string answer)
    {
        var (head, body) = (answer.Split("\r\n\r\n", 2)[0], answer.Split("\r\n\r\n", 2)[1]);
        var length = head.Split("\r\n")
            .FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        return length is null
            ? body.EndsWith("0\r\n\r\n", StringComparison.Ordinal)
            : body.Length >= int.Parse(length.AsSpan(15), null);
    }

    // With TLS 1.3 the client's half of the handshake is over before the server has judged the certificate.
    private static async Task RefusedAsync(Func<Task> call)
    {
        var failure = await Record.ExceptionAsync(call);
        Assert.True(failure is IOException or AuthenticationException, $"refused, but: {failure}");
    }

    private string Files(string subject, string name, params string[] hosts)
    {
        using var certificate = Certificate(subject, name);
        var file = Path.Combine(_files.FullName, Guid.NewGuid().ToString("N"));
        File.WriteAllText(file + ".crt", certificate.ExportCertificatePem());
        File.WriteAllText(file + ".key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return $"{{ cert: {file}.crt, key: {file}.key{(hosts.Length > 0 ? $", hosts: ['{string.Join("','", hosts)}']" : "")} }}";
    }

    private static X509Certificate2 Certificate(
        string subject,
        string? name = null,
        bool authority = false,
        X509Certificate2? issuer = null
    )
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(authority, false, 0, true));
        if (name is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
        }

        if (!authority && name is null)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.2")], false));
        }

        var (from, until) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var made = issuer is null
            ? request.CreateSelfSigned(from, until)
            : request
                .Create(issuer, from.AddMinutes(1), until.AddMinutes(-1), RandomNumberGenerator.GetBytes(8))
                .CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(
            made.Export(X509ContentType.Pkcs12),
            null,
            X509KeyStorageFlags.Exportable
        );
    }
}
