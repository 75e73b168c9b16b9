using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.ClusterTests.Managers;
using Gatehouse.TestSupport;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>
/// Two managers over one PostgreSQL and a worker, behind a proxy that sends no request to the manager that answered the one before.
/// The same petstore as the demo's is published there.
/// </summary>
public sealed class TwoManagerPortal(DemoPortal demo) : Site, IAsyncLifetime
{
    private TwoManagers? _two;
    private AlternatingProxy? _proxy;
    private NodeProcess? _backend;

    /// <inheritdoc/>
    public override string? Missing => demo.Missing ?? PostgreSqlServer.Missing;

    /// <inheritdoc/>
    protected override IBrowser Chromium => demo.Browser;

    internal TwoManagers Two => _two ?? throw new InvalidOperationException(Missing);

    internal AlternatingProxy Proxy => _proxy ?? throw new InvalidOperationException(Missing);

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
        {
            return;
        }

        _backend = NodeProcess.Start(["sample-backend"], executable: DemoPortal.Executable);
        _two = await TwoManagers.StartAsync(workers: 1, executable: DemoPortal.Executable);
        _proxy = await AlternatingProxy.StartAsync(UrlOf(_two.First), UrlOf(_two.Second));
        await _backend.SaysAsync("http://");
        Backend = _backend.StandardOutput.Trim();
        Address = _proxy.Address;
        Workers = ["worker-1"];
        var worker = _two.Cluster["worker-1"];
        Gateway = $"https://localhost:{worker.Https.ToString(CultureInfo.InvariantCulture)}";
        FreeOffset = worker.Offset + 10;
        await PublishAsync(_two.Cluster.Rest);
        await SetUpAsync(new Uri(_two.Cluster.SignIn));
    }

    public async ValueTask DisposeAsync()
    {
        if (_proxy is not null)
        {
            await _proxy.DisposeAsync();
        }

        if (_two is not null)
        {
            await _two.DisposeAsync();
        }

        if (_backend is not null)
        {
            await _backend.DisposeAsync();
        }
    }

    private async Task PublishAsync(ManagerApi rest)
    {
        using var document = new StringContent(
            $$"""
            openapi: 3.1.0
            info: { title: petstore, version: 1.0.0 }
            servers: [{ url: '{{Backend}}' }]
            paths: { /pets: { get: { summary: All pets, responses: { '200': { description: ok } } } } }
            """,
            Encoding.UTF8,
            "application/yaml"
        );
        await rest.SendAsync(HttpMethod.Post, "apis?auth=apikey", document);
        await rest.SendAsync(
            HttpMethod.Post,
            "apis/petstore:1.0.0/lifecycle",
            new JsonObject { ["action"] = "publish" }
        );
    }

    private static Uri UrlOf(ClusterNode manager) =>
        new($"https://{manager.Host}:{manager.ManagementHttps.ToString(CultureInfo.InvariantCulture)}");
}
