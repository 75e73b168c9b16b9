using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>One request as a server read it.</summary>
internal sealed record ReadRequest(string Method, string Target, string Fields, string Body)
{
    public static string Field(string name, string value) => $"{name.ToLowerInvariant()}: {value}\n";
}

/// <summary>A real Kestrel behind the guard on a loopback port, which records what its application was given.</summary>
public sealed class GuardedKestrel : IAsyncLifetime
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<int, List<ReadRequest>> _read = new();
    private readonly Action<HttpContext> _look;

    public GuardedKestrel()
        : this(_ => { }) { }

    internal GuardedKestrel(Action<ListenOptions> listen, Action<HttpContext>? look = null)
    {
        _look = look ?? (_ => { });
        StrictnessGuard.UseStrictLineEnds();
        Guard = new StrictnessGuard(new StrictnessLimits(), NullLogger<StrictnessGuard>.Instance);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (TestTransport.Loops is { } loops)
        {
            builder.Services.AddSingleton<IConnectionListenerFactory>(new LoopListenerFactory(loops));
        }

        builder.WebHost.UseKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
            kestrel.Listen(
                IPAddress.Loopback,
                0,
                options =>
                {
                    options.Use(next =>
                        connection =>
                        {
                            _read[((IPEndPoint)connection.RemoteEndPoint!).Port] = [];
                            return next(connection);
                        }
                    );
                    listen(options);
                    options.Use(Guard.Middleware);
                }
            );
        });
        _app = builder.Build();
        _app.Run(HandleAsync);
    }

    public StrictnessGuard Guard { get; }

    public IPEndPoint Address { get; private set; } = null!;

    /// <summary>What the application was given on the connection from this local port.</summary>
    internal IReadOnlyList<ReadRequest> ReadOn(int clientPort)
    {
        if (!_read.TryGetValue(clientPort, out var requests))
        {
            return [];
        }

        lock (requests)
        {
            return [.. requests];
        }
    }

    /// <summary>The same, and forgets it: ports come back after many connections.</summary>
    internal IReadOnlyList<ReadRequest> TakeReadOn(int clientPort)
    {
        var requests = ReadOn(clientPort);
        _read.TryRemove(clientPort, out _);
        return requests;
    }

    public async ValueTask InitializeAsync()
    {
        await _app.StartAsync();
        var address = _app
            .Services.GetRequiredService<IServer>()
            .Features.GetRequiredFeature<IServerAddressesFeature>()
            .Addresses.Single();
        Address = new IPEndPoint(IPAddress.Loopback, new Uri(address).Port);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        _look(context);
        if (
            context.Request.Path == "/upgrade"
            && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade
        )
        {
            await using var stream = await upgrade.UpgradeAsync();
            await stream.CopyToAsync(stream, context.RequestAborted);
            return;
        }

        if (context.Request.Path == "/early")
        {
            // Answers before it reads, as a backend may.
            await context.Response.WriteAsync("early");
            await context.Response.Body.FlushAsync();
        }

        var body = new MemoryStream();
        if (context.Request.Path != "/unread")
        {
            await context.Request.Body.CopyToAsync(body);
        }

        var fields = new StringBuilder();
        foreach (var (name, values) in context.Request.Headers.OrderBy(h => h.Key, StringComparer.OrdinalIgnoreCase))
        {
            foreach (var value in values)
            {
                fields.Append(ReadRequest.Field(name, value!));
            }
        }

        var requests = _read.GetOrAdd(context.Connection.RemotePort, _ => []);
        lock (requests)
        {
            requests.Add(
                new ReadRequest(
                    context.Request.Method,
                    context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
                    fields.ToString(),
                    Encoding.Latin1.GetString(body.ToArray())
                )
            );
        }

        if (!context.Response.HasStarted)
        {
            context.Response.ContentLength = 2;
            await context.Response.WriteAsync("ok");
        }
    }
}
