#pragma warning disable CA1822 // skeleton
using System.Buffers;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>Serves requests by the table it was given: the data plane of a worker or a balancer.</summary>
public sealed class GatewayEngine : IAsyncDisposable
{
    /// <summary>The engine of a worker.</summary>
    public GatewayEngine(GatewayTable table, GatewayOptions options, TimeProvider time, ILoggerFactory logs) { }

    /// <summary>The engine of a balancer.</summary>
    public GatewayEngine(BalancerTable table, GatewayOptions options, TimeProvider time, ILoggerFactory logs) { }

    /// <summary>Requests being served now.</summary>
    public long InFlight { get; }

    /// <summary>
    /// Serves a request that came over the data hop: the caller has checked the balancer's certificate, so its
    /// <c>X-Forwarded-*</c> headers are believed.
    /// </summary>
    public Task ProcessAsync(IFeatureCollection features) => Task.CompletedTask;

    /// <summary>Writes every counter as Prometheus text.</summary>
    public void WriteMetrics(IBufferWriter<byte> destination) { }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
