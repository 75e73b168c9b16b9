using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>A backend in this process. Its answers take a while, so that a node that is killed always has requests in flight.</summary>
internal sealed class TestBackend : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ConcurrentDictionary<string, int> _seen = new(StringComparer.Ordinal);

    private TestBackend(TimeSpan takes, string address)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Parse(address), 0));
        builder.Services.AddRoutingCore();
        _application = builder.Build();
        _application.Run(async context =>
        {
            var id = context.Request.Headers["X-Request-Id"].ToString();
            _seen.AddOrUpdate(id, 1, (_, times) => times + 1);
            await Task.Delay(takes, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            context.Response.Headers["X-Seen-Id"] = id;
            await context.Response.WriteAsync($"seen {id}\n");
        });
    }

    public string Url => _application.Urls.First();

    /// <summary>How many different requests came.</summary>
    public int Requests => _seen.Count;

    public static async Task<TestBackend> StartAsync(TimeSpan? takes = null, string address = "127.0.0.1")
    {
        var backend = new TestBackend(takes ?? TimeSpan.FromMilliseconds(20), address);
        await backend._application.StartAsync();
        return backend;
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        await _application.StopAsync(atOnce.Token);
        await _application.DisposeAsync();
    }
}
