using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Deployment.Trust;
using Gatehouse.KeyManager;
using Gatehouse.Management;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>A whole manager's REST API, with the key manager's part, and what describes it.</summary>
internal sealed class RestHost : IAsyncDisposable
{
    private readonly TestCatalogue _catalogue;
    private readonly ClusterKey _clusterKey;
    private readonly bool _isBeside;
    private WebApplication _app = null!;

    private RestHost(TestCatalogue catalogue, ClusterKey clusterKey, bool isBeside = false)
    {
        _catalogue = catalogue;
        _clusterKey = clusterKey;
        _isBeside = isBeside;
    }

    public HttpClient Http { get; private set; } = null!;

    public TestCatalogue Catalogue => _catalogue;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Starts one; with the key manager, whose keys take a while to make, only where all of the API is looked at.</summary>
    public static async Task<RestHost> StartAsync(
        TimeProvider? time = null,
        Product on = Product.Sqlite,
        bool whole = false
    )
    {
        var host = new RestHost(await TestCatalogue.CreateAsync(time, on, whole), ClusterKey.Create());
        await host.OpenAsync(whole ? host._catalogue.Database.WithKeyManager() : host._catalogue.Database, whole);
        return host;
    }

    /// <summary>Another manager of the same cluster, with connections of its own to the same database; it ends before this one.</summary>
    public async Task<RestHost> BesideAsync()
    {
        var host = new RestHost(_catalogue, _clusterKey, isBeside: true);
        await host.OpenAsync(_catalogue.OpenDatabase(), whole: false);
        return host;
    }

    private async Task OpenAsync(CatalogueDatabase database, bool whole)
    {
        await CatalogueSetup.ApplyAsync(database, Stop);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(_catalogue.Time);
        builder.Services.AddGatehouseManagement(
            TestNodes.Options(_catalogue) with
            {
                Database = database,
                ClusterKey = _clusterKey,
                Authorities = whole ? await TestNodes.AuthoritiesAsync(_catalogue, _clusterKey) : null,
            }
        );
        if (whole)
        {
            builder.Services.AddGatehouseKeyManager(database, _clusterKey, "https://id.test:9443");
            builder.Services.AddRestDescription();
        }

        _app = builder.Build();
        if (whole)
        {
            _app.UseKeyManagerLimits();
        }

        _app.MapGatehouseManagement();
        if (whole)
        {
            _app.MapGatehouseKeyManager();
            _app.MapRestDescription();
        }

        await _app.StartAsync(Stop);
        Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = new(_app.Urls.Single()),
        };
    }

    public Task StopAsync() => _app.StopAsync(Stop);

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Every route of <c>/api/v1</c> as <c>GET /api/v1/apis/{id}</c>, in the order of the alphabet.</summary>
    public ImmutableArray<string> Routes() =>
        [
            .. Get<EndpointDataSource>()
                .Endpoints.OfType<RouteEndpoint>()
                .Where(r =>
                    RestDescription.PathOf(r.RoutePattern.RawText).StartsWith("/api/v1/", StringComparison.Ordinal)
                )
                .SelectMany(r =>
                    r.Metadata.GetRequiredMetadata<HttpMethodMetadata>()
                        .HttpMethods.Select(method => $"{method} {RestDescription.PathOf(r.RoutePattern.RawText)}")
                )
                .Order(StringComparer.Ordinal),
        ];

    public async Task<string> TokenAsync(string user = "ann", string role = Roles.Admin) =>
        (await Get<AccessTokens>().IssueAsync(user, role, TestCatalogue.Tester, Stop)).Token;

    public async Task<(HttpResponseMessage Response, string Text)> SendAsync(
        string method,
        string path,
        string? token,
        HttpContent? content = null,
        params (string Name, string Value)[] headers
    )
    {
        using var request = new HttpRequestMessage(new(method), path) { Content = content };
        if (token is not null)
        {
            request.Headers.Authorization = new("Bearer", token);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        var response = await Http.SendAsync(request, Stop);
        return (response, await response.Content.ReadAsStringAsync(Stop));
    }

    public static HttpContent Json(JsonNode? json) =>
        new StringContent(json?.ToJsonString() ?? "null", Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.EndAsync();
        if (!_isBeside)
        {
            _clusterKey.Dispose();
            await _catalogue.DisposeAsync();
        }
    }
}
