#pragma warning disable CA1822 // skeleton
using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>The public ports of one node. Calls never overlap.</summary>
public sealed class ListenerSet(GatewayEngine engine, ILoggerFactory logs) : IAsyncDisposable
{
    /// <summary>
    /// Ports whose requests, after the strictness guard, go to another pipeline: console and REST of a manager have the same
    /// guard, limits and reload as API traffic.
    /// </summary>
    public ListenerSet(Func<IFeatureCollection, Task> pipeline, ILoggerFactory logs)
        : this((GatewayEngine)null!, logs) => _ = pipeline;

    /// <summary>Every open listener's name and the address it is bound to.</summary>
    public IReadOnlyDictionary<string, IPEndPoint> Bound { get; } = new Dictionary<string, IPEndPoint>();

    /// <summary>Opens every listener, or none: throws <see cref="PortTakenException"/> after closing those it had opened.</summary>
    public Task StartAsync(IReadOnlyList<ListenerSettings> settings, CancellationToken cancellation = default)
    {
        _ = engine;
        _ = logs;
        return Task.CompletedTask;
    }

    /// <summary>
    /// Opens what is new, closes what is gone (its requests finish first) and leaves the rest alone. On
    /// <see cref="PortTakenException"/> nothing has changed.
    /// </summary>
    public Task ApplyAsync(IReadOnlyList<ListenerSettings> settings, CancellationToken cancellation = default) =>
        Task.CompletedTask;

    /// <summary>Takes no new connections and waits until open requests are done, at most <paramref name="timeout"/>; then cuts them.</summary>
    public Task DrainAsync(TimeSpan timeout) => Task.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(DrainAsync(TimeSpan.Zero));
}
