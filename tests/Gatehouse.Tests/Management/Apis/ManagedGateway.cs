using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Tests.Management.Apis;

/// <summary>A manager and a worker's data plane that is told every change the manager's feed would send it.</summary>
internal sealed class ManagedGateway : IAsyncDisposable
{
    private long _epoch;

    private ManagedGateway(LiveManager manager, TestGateway gateway, Backend backend)
    {
        Manager = manager;
        Gateway = gateway;
        Backend = backend;
    }

    public LiveManager Manager { get; }

    public TestGateway Gateway { get; }

    public Backend Backend { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<ManagedGateway> StartAsync(TimeProvider? time = null) =>
        new(await LiveManager.StartAsync(time), await TestGateway.StartAsync(time: time), new Backend());

    /// <summary>Imports the pet store with the test's backend, as one version.</summary>
    public Task<ImportView> ImportAsync(string version = "1.0.0") =>
        Manager.AskAsync<ImportView>(
            HttpMethod.Post,
            $"apis?version={version}&endpoint={Uri.EscapeDataString(Backend.Url)}",
            Documents.Pets,
            System.Net.HttpStatusCode.Created
        );

    /// <summary>Brings the gateway up to the catalogue's head, then calls it.</summary>
    public async Task<(int Status, string Body)> CallAsync(string path, string? key = null)
    {
        await FollowAsync();
        using var response = await Gateway.GetAsync(path, key);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Stop));
    }

    public async Task FollowAsync()
    {
        var kinds = EntityKinds.For(Profile.GatewayWorker).ToArray();
        await using var context = Manager.Catalogue.Open();
        var rows = await context
            .Entities.AsNoTracking()
            .Where(e => e.Epoch > _epoch && kinds.Contains(e.Kind))
            .OrderBy(e => e.Epoch)
            .ToListAsync(Stop);
        if (rows.Count > 0)
        {
            var prepared = Gateway.Table.Prepare([.. rows.Select(r => r.ToChange())], replace: false);
            Assert.Empty(prepared.Refusals);
            prepared.Publish();
            _epoch = rows[^1].Epoch;
        }
    }

    /// <summary>An application with a key, subscribed to an API unless it is null; the secret.</summary>
    public async Task<string> CallerAsync(string application, string? api = "petstore")
    {
        await Manager.AskAsync<Application>(
            HttpMethod.Post,
            "applications",
            $$"""{"name":"{{application}}"}""",
            System.Net.HttpStatusCode.Created
        );
        if (api is not null)
        {
            await Manager.AskAsync<SubscriptionView>(
                HttpMethod.Post,
                "subscriptions",
                $$"""{"application":"{{application}}","api":"{{api}}"}""",
                System.Net.HttpStatusCode.Created
            );
        }

        var made = await Manager.AskAsync<CreatedKey>(
            HttpMethod.Post,
            $"applications/{application}/keys",
            "{}",
            System.Net.HttpStatusCode.Created
        );
        return made.Secret!;
    }

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        await Manager.DisposeAsync();
        await Backend.DisposeAsync();
    }
}
