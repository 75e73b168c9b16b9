using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Gatehouse.Deployment.Trust;
using Gatehouse.KeyManager;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.KeyManager;

/// <summary>A manager with its key manager over TLS, an application with clients, and users who sign in.</summary>
internal sealed partial class TestKeyManager : IAsyncDisposable
{
    public const string Password = "seven quiet otters";

    private static readonly Lazy<string> s_signingKey = new(() =>
    {
        using var rsa = RSA.Create(2048);
        return Convert.ToBase64String(rsa.ExportPkcs8PrivateKey());
    });

    private readonly TestCatalogue _catalogue;
    private readonly ClusterKey _clusterKey;
    private readonly bool _owner;
    private readonly X509Certificate2 _certificate = Certificate();
    private WebApplication _app = null!;

    private TestKeyManager(TestCatalogue catalogue, ClusterKey clusterKey, bool owner)
    {
        _catalogue = catalogue;
        _clusterKey = clusterKey;
        _owner = owner;
    }

    public Catalogue Catalogue => _catalogue.Catalogue;

    public TestCatalogue Test => _catalogue;

    public HttpClient Http { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    public string Authority => _certificate.ExportCertificatePem();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<TestKeyManager> StartAsync(
        Product on = Product.Sqlite,
        TimeProvider? time = null,
        bool isIssuer = false,
        Func<ManagementOptions, ManagementOptions>? with = null,
        Socket? place = null
    )
    {
        var manager = new TestKeyManager(
            await TestCatalogue.CreateAsync(time, on, withKeyManager: true),
            ClusterKey.Create(),
            owner: true
        );
        await manager.OpenAsync(manager._catalogue.Database.WithKeyManager(), isIssuer, with, place);
        return manager;
    }

    /// <summary>Another manager of the same cluster.</summary>
    public async Task<TestKeyManager> StartSecondAsync()
    {
        var second = new TestKeyManager(_catalogue, _clusterKey, owner: false);
        await second.OpenAsync(_catalogue.OpenDatabase().WithKeyManager());
        return second;
    }

    private async Task OpenAsync(
        CatalogueDatabase database,
        bool isIssuer = false,
        Func<ManagementOptions, ManagementOptions>? with = null,
        Socket? place = null
    )
    {
        await CatalogueSetup.ApplyAsync(database, Stop);
        if (_owner && !isIssuer)
        {
            await GiveKeyAsync(database);
        }

        // A client library compares the issuer with the address it found it at, so that has to be known before.
        place ??= isIssuer ? Place() : null;
        var port = (place?.LocalEndPoint as IPEndPoint)?.Port ?? 0;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (place is not null)
        {
            builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = _ => place);
        }

        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.UseHttps(_certificate)));
        builder.Services.AddSingleton(_catalogue.Time);
        var options = TestNodes.Options(_catalogue) with { Database = database, ClusterKey = _clusterKey };
        builder.Services.AddGatehouseManagement(with?.Invoke(options) ?? options);
        builder.Services.AddGatehouseKeyManager(
            database,
            _clusterKey,
            isIssuer ? $"https://127.0.0.1:{port}" : "https://id.test:9443"
        );
        _app = builder.Build();
        _app.UseKeyManagerLimits();
        _app.MapGatehouseManagement();
        _app.MapGatehouseKeyManager();
        await _app.StartAsync(Stop);
        Address = new(_app.Urls.Single());
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) =>
            shown?.GetCertHashString() == _certificate.GetCertHashString();
        Http = new(handler) { BaseAddress = Address };
    }

    // Making an RSA key takes longer than most tests; one that is an issuer for others makes its own.
    private async Task GiveKeyAsync(CatalogueDatabase database)
    {
        var now = _catalogue.Time.GetUtcNow().ToUnixTimeMilliseconds();
        var exported = new JsonObject
        {
            ["created"] = now,
            ["signsFrom"] = now,
            ["key"] = s_signingKey.Value,
        };
        var key = SigningKey.Load(Encoding.UTF8.GetBytes(exported.ToJsonString()));
        await new SecretStore(database, _clusterKey).PutAsync(SigningKeys.Prefix + key.Id, key.Export(), Stop);
    }

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public async Task<string> TokenAsync(string user = "ann", string role = Roles.Admin) =>
        (await Get<AccessTokens>().IssueAsync(user, role, TestCatalogue.Tester, Stop)).Token;

    /// <summary>Makes a user with that password.</summary>
    public async Task<string> AddUserAsync(string name, params string[] roles)
    {
        using var invited = await SendAsync("POST", "/api/v1/users", new { name, roles }, await TokenAsync());
        var link = (await invited.Content.ReadFromJsonAsync(UserJson.Default.UserLink, Stop))!;
        using var set = await SendAsync("POST", "/api/v1/links", new { code = link.Code, password = Password });
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        return set.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    /// <summary>Makes an application of ann's with a client.</summary>
    public async Task<TestClient> AddClientAsync(object? ask = null, string name = "shop")
    {
        var token = await TokenAsync();
        using var made = await SendAsync("POST", "/api/v1/applications", new { name }, token);
        using var key = await SendAsync(
            "POST",
            $"/api/v1/applications/{name}/keys",
            ask ?? new { type = "oauth2" },
            token
        );
        var text = await key.Content.ReadAsStringAsync(Stop);
        Assert.True(key.StatusCode == HttpStatusCode.Created, text);
        var json = JsonNode.Parse(text)!;
        return new(
            json["key"]!["id"]!.GetValue<string>(),
            json["key"]!["clientId"]!.GetValue<string>(),
            json["secret"]?.GetValue<string>(),
            json["key"]!["application"]!.GetValue<string>()
        );
    }

    public async Task<HttpResponseMessage> SendAsync(
        string method,
        string path,
        object? json = null,
        string? token = null,
        string? cookie = null
    )
    {
        using var request = new HttpRequestMessage(new(method), path);
        request.Headers.Authorization = token is null ? null : new("Bearer", token);
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }

        request.Content = json is null ? null : JsonContent.Create(json);
        return await Http.SendAsync(request, Stop);
    }

    /// <summary>Posts a form, as the client when there is one, and reads the JSON.</summary>
    public async Task<(HttpStatusCode Status, JsonNode Body)> FormAsync(
        string path,
        TestClient? client,
        params (string Name, string Value)[] fields
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent([
                .. fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value)),
                .. client is { Secret: null }
                    ? [new KeyValuePair<string, string>("client_id", client.Id)]
                    : Array.Empty<KeyValuePair<string, string>>(),
            ]),
        };
        if (client is { Secret: { } secret })
        {
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Basic",
                Convert.ToBase64String(Encoding.UTF8.GetBytes($"{client.Id}:{secret}"))
            );
        }

        using var response = await Http.SendAsync(request, Stop);
        var text = await response.Content.ReadAsStringAsync(Stop);
        return (response.StatusCode, text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!);
    }

    /// <summary>Signs in and agrees as a browser would; the code that the client's redirect URI is given.</summary>
    public async Task<(string Code, string Verifier)> AuthorizeAsync(
        TestClient client,
        string cookie,
        string scope = "openid profile"
    )
    {
        var verifier = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
        var path =
            $"/oauth2/authorize?response_type=code&client_id={client.Id}&redirect_uri={Uri.EscapeDataString(TestClient.Redirect)}&scope={Uri.EscapeDataString(scope)}&state=s1&nonce=n1&code_challenge={challenge}&code_challenge_method=S256";
        using var asked = await SendAsync("GET", path, cookie: cookie);
        var location = asked.Headers.Location;
        if (asked.StatusCode == HttpStatusCode.OK)
        {
            var page = await asked.Content.ReadAsStringAsync(Stop);
            using var agreed = await DecideAsync(page, "yes", cookie);
            location = agreed.Headers.Location;
        }

        var code = System.Web.HttpUtility.ParseQueryString(location!.Query)["code"];
        Assert.NotNull(code);
        return (code, verifier);
    }

    /// <summary>Sends the form of a page back with a decision.</summary>
    public async Task<HttpResponseMessage> DecideAsync(
        string page,
        string decision,
        string cookie,
        string? origin = null
    )
    {
        var action = WebUtility.HtmlDecode(Action().Match(page).Groups[1].Value);
        using var request = new HttpRequestMessage(HttpMethod.Post, action)
        {
            Content = new FormUrlEncodedContent([
                .. Hidden()
                    .Matches(page)
                    .Select(m => new KeyValuePair<string, string>(
                        WebUtility.HtmlDecode(m.Groups[1].Value),
                        WebUtility.HtmlDecode(m.Groups[2].Value)
                    )),
                new("decision", decision),
            ]),
        };
        request.Headers.Add("Cookie", cookie);
        request.Headers.Add("Origin", origin ?? Address.GetLeftPart(UriPartial.Authority));
        return await Http.SendAsync(request, Stop);
    }

    public Task<(HttpStatusCode Status, JsonNode Body)> RedeemAsync(TestClient client, string code, string verifier) =>
        FormAsync(
            "/oauth2/token",
            client,
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", TestClient.Redirect),
            ("code_verifier", verifier)
        );

    /// <summary>The payload of a JWT.</summary>
    public static JsonNode Claims(string jwt) => JsonNode.Parse(Base64Url.DecodeFromChars(jwt.Split('.')[1]))!;

    /// <summary>What the feed would send a worker now.</summary>
    public async Task<ImmutableArray<EntityChange>> FeedAsync()
    {
        var scan = await new CatalogueFeed(Catalogue).ScanAsync(
            FeedScope.Of(EntityKinds.For(Profile.GatewayWorker)),
            Stop
        );
        return [.. scan.Changes];
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.EndAsync();
        _certificate.Dispose();
        if (_owner)
        {
            _clusterKey.Dispose();
            await _catalogue.DisposeAsync();
        }
    }

    /// <summary>The port of a manager that starts later: it is listened on already, so that nobody else gets it meanwhile.</summary>
    public static Socket Place()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
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

    [GeneratedRegex("<form method=\"post\" action=\"([^\"]*)\"")]
    private static partial Regex Action();

    [GeneratedRegex("<input type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\"")]
    private static partial Regex Hidden();
}

/// <summary>An OAuth2 client.</summary>
internal sealed record TestClient(string Key, string Id, string? Secret, string Application)
{
    public const string Redirect = "https://shop.example/callback";
}
