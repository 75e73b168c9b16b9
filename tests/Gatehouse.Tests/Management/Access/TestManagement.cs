using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Management;

/// <summary>The management side behind a real listener.</summary>
internal sealed class TestManagement : IAsyncDisposable
{
    private readonly TestCatalogue _catalogue;
    private readonly WebApplication _app;

    private TestManagement(TestCatalogue catalogue, WebApplication app, DenyList denied)
    {
        _catalogue = catalogue;
        _app = app;
        Denied = denied;
        Client = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new(app.Urls.Single()) };
    }

    public TestCatalogue Catalogue => _catalogue;

    public IServiceProvider Services => _app.Services;

    public DenyList Denied { get; }

    public HttpClient Client { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<TestManagement> StartAsync(
        TimeProvider? time = null,
        Action<WebApplication>? map = null,
        Product on = Product.Sqlite
    )
    {
        var catalogue = await TestCatalogue.CreateAsync(time, on);
        var denied = new DenyList();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(catalogue.Time);
        builder.Services.AddGatehouseManagement(TestNodes.Options(catalogue) with { DenyList = denied });
        var app = builder.Build();
        app.MapGatehouseManagement();
        map?.Invoke(app);
        await app.StartAsync(Stop);
        return new(catalogue, app, denied);
    }

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public async Task<string> TokenAsync(string role = Roles.Admin) =>
        (await Get<AccessTokens>().IssueAsync("ann", role, TestCatalogue.Tester, Stop)).Token;

    public async Task<HttpResponseMessage> SendAsync(
        string method,
        string path,
        string? token = null,
        string? json = null,
        string? ifMatch = null
    )
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (token is not null)
        {
            request.Headers.Authorization = new("Bearer", token);
        }

        if (json is not null)
        {
            request.Content = new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        return await Client.SendAsync(request, Stop);
    }

    public static async Task<ProblemDocument> ProblemAsync(HttpResponseMessage response)
    {
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        return (await response.Content.ReadFromJsonAsync(ManagementJson.Default.ProblemDocument, Stop))!;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.EndAsync();
        await _catalogue.DisposeAsync();
    }
}
