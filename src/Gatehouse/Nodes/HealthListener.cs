using System.Buffers;
using System.Net;
using Gatehouse.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>
/// <c>/healthz</c>, <c>/readyz</c> and <c>/metrics</c> on a loopback port of their own, so that a flood on the public ports
/// cannot hide them and nobody outside reads them.
/// </summary>
internal sealed class HealthListener : IAsyncDisposable
{
    private readonly WebApplication _application;

    private HealthListener(WebApplication application) => _application = application;

    public static async Task<HealthListener> StartAsync(
        IPEndPoint address,
        Func<Readiness> readiness,
        Action<IBufferWriter<byte>> writeMetrics,
        ILoggerFactory logs,
        CancellationToken cancellation
    )
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(address));
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();
        var application = builder.Build();
        application.MapGet("/healthz", () => "ok\n");
        application.MapGet("/readyz", context => AnswerAsync(context, readiness()));
        application.MapGet(
            "/metrics",
            async context =>
            {
                context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                writeMetrics(context.Response.BodyWriter);
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            }
        );
        try
        {
            await application.StartAsync(cancellation);
        }
        catch (IOException e)
        {
            await application.DisposeAsync();
            throw new PortTakenException("health", address, e);
        }

        return new(application);
    }

    /// <summary>Answers 200 or 503 with the one line that says why.</summary>
    public static Task AnswerAsync(HttpContext context, Readiness readiness)
    {
        context.Response.StatusCode = readiness.Ready
            ? StatusCodes.Status200OK
            : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(readiness.Why + "\n", context.RequestAborted);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}

/// <summary>Whether a node may be sent requests.</summary>
/// <param name="Ready">Yes or no.</param>
/// <param name="Why">In one line, for people.</param>
internal sealed record Readiness(bool Ready, string Why);
