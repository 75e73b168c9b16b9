using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Management;
using Gatehouse.Model;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Management.Apis;

/// <summary>The REST API on a loopback port over TLS and a catalogue in a real SQLite file, with the command line pointed at it.</summary>
internal sealed class LiveManager : IAsyncDisposable
{
    private readonly TestCatalogue _catalogue;
    private readonly WebApplication _app;
    private readonly string _directory = Directory.CreateTempSubdirectory("gatehouse-live-").FullName;

    private LiveManager(TestCatalogue catalogue, WebApplication app, string token, X509Certificate2 certificate)
    {
        _catalogue = catalogue;
        _app = app;
        Token = token;
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) =>
            shown?.GetCertHashString() == certificate.GetCertHashString();
        Http = new(handler) { BaseAddress = new Uri(new Uri(app.Urls.Single()), "/api/v1/") };
        Http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        Write("token", token);
        Write("ca.pem", certificate.ExportCertificatePem());
    }

    public Catalogue Catalogue => _catalogue.Catalogue;

    /// <summary>Wraps what is secret.</summary>
    public static ClusterKey ClusterKey { get; } = ClusterKey.Create();

    /// <summary>Signs trace grants.</summary>
    public CatalogueKey CatalogueKey => _catalogue.Key;

    public HttpClient Http { get; }

    public string Token { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Starts one.</summary>
    /// <param name="time">Its clock.</param>
    /// <param name="on">Where its catalogue lies.</param>
    /// <param name="around">What every request goes through first.</param>
    public static async Task<LiveManager> StartAsync(
        TimeProvider? time = null,
        Product on = Product.Sqlite,
        Func<HttpContext, RequestDelegate, Task>? around = null
    )
    {
        var catalogue = await TestCatalogue.CreateAsync(time, on);
        var certificate = Certificate();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(certificate)));
        builder.Services.AddSingleton(catalogue.Time);
        builder.Services.AddGatehouseManagement(
            new()
            {
                Cluster = "test",
                NodeName = "manager-1",
                Database = catalogue.Database,
                CatalogueKey = catalogue.Key,
                ClusterKey = ClusterKey,
                EncodeJoinToken = _ => "",
                PublicUrl = () => "https://am.example.com",
            }
        );
        var app = builder.Build();
        if (around is not null)
        {
            app.Use(next => http => around(http, next));
        }

        app.MapGatehouseManagement();
        await app.StartAsync(Stop);
        var token = await app
            .Services.GetRequiredService<AccessTokens>()
            .IssueAsync("ann", Roles.Admin, TestCatalogue.Tester, Stop);
        return new(catalogue, app, token.Token, certificate);
    }

    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public async Task<string> TokenAsync(string user, string role) =>
        (
            await _app.Services.GetRequiredService<AccessTokens>().IssueAsync(user, role, TestCatalogue.Tester, Stop)
        ).Token;

    public string Write(string name, string text)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Runs a command line against this manager.</summary>
    public async Task<CommandRun> RunAsync(params string[] arguments)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        var home = new Dictionary<string, string>
        {
            ["HOME"] = _directory,
            ["GATEHOUSE_URL"] = _app.Urls.Single(),
            ["GATEHOUSE_TOKEN_FILE"] = Path.Combine(_directory, "token"),
            ["GATEHOUSE_CA"] = Path.Combine(_directory, "ca.pem"),
        };
        var code = await CommandLine.RunAsync(
            arguments,
            new Terminal
            {
                Out = output,
                Error = error,
                Environment = name => home.GetValueOrDefault(name),
                EnvironmentVariables = () => home,
            },
            Stop
        );
        return new((ExitCode)code, output.ToString(), error.ToString());
    }

    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        string path,
        string? body = null,
        string? ifMatch = null,
        string? token = null
    )
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        if (token is not null)
        {
            request.Headers.Authorization = new("Bearer", token);
        }

        return await Http.SendAsync(request, Stop);
    }

    /// <summary>Sends, and reads the answer's JSON; anything but the expected status fails the test.</summary>
    public async Task<T> AskAsync<T>(
        HttpMethod method,
        string path,
        string? body = null,
        HttpStatusCode expected = HttpStatusCode.OK
    )
    {
        using var response = await SendAsync(method, path, body);
        var text = await response.Content.ReadAsStringAsync(Stop);
        Assert.True(response.StatusCode == expected, $"{(int)response.StatusCode} {text}");
        return JsonSerializer.Deserialize<T>(text, ManagerClient.Json)!;
    }

    /// <summary>Sends, and reads the problem document.</summary>
    public async Task<ProblemDocument> RefusedAsync(
        HttpStatusCode expected,
        HttpMethod method,
        string path,
        string? body = null,
        string? ifMatch = null,
        string? token = null
    )
    {
        using var response = await SendAsync(method, path, body, ifMatch, token);
        Assert.Equal(expected, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        return (await response.Content.ReadFromJsonAsync<ProblemDocument>(ManagerClient.Json, Stop))!;
    }

    public Task<CommitResult> RegisterWorkerAsync(string name) =>
        Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, $"registered {name}").Put(
                EntityKinds.Node,
                name,
                new Node
                {
                    Name = name,
                    Profile = Profile.GatewayWorker,
                    SubDomain = "worker",
                    Host = "127.0.0.1",
                    InternalPort = 7443,
                },
                ModelJson.Default.Node
            ),
            Stop
        );

    /// <summary>Says for a worker that it applied everything up to the head, but for what it refuses.</summary>
    public async Task ReportAsync(string worker, string? refuses = null)
    {
        var head = await Catalogue.ReadHeadAsync(Stop);
        var report = new NodeReport
        {
            Applied = new()
            {
                History = head.History,
                Epoch = head.Epoch,
                Chain = ByteString.CopyFrom(head.Chain.ToArray()),
            },
            State = "serving",
        };
        if (refuses is not null)
        {
            report.Refusals.Add(
                new RefusedChange
                {
                    Kind = EntityKinds.Api,
                    Name = refuses,
                    Epoch = head.Epoch,
                    Field = "/operations/0",
                    Reason = "cannot be compiled",
                }
            );
        }

        await _app
            .Services.GetRequiredService<NodeBoard>()
            .RecordAsync(new PeerIdentity("test", Profile.GatewayWorker, worker, "A1"), report, Stop);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.EndAsync();
        await _catalogue.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
    }
}

internal sealed record CommandRun(ExitCode Code, string Out, string Error);
