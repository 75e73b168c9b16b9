using System.Collections.Immutable;
using System.Net;
using Gatehouse.Gateway.Listeners;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>The public ports of one node. Calls never overlap.</summary>
public sealed partial class ListenerSet : IAsyncDisposable
{
    /// <summary>How long requests of a listener that is gone or changed may go on.</summary>
    private static readonly TimeSpan s_longestFarewell = TimeSpan.FromMinutes(10);

    /// <summary>A connection that came just before a change has sent nothing yet; closing it now would lose its request.</summary>
    private static readonly TimeSpan s_firstRequest = TimeSpan.FromSeconds(2);

    private readonly RequestEntry _entry;
    private readonly ILoggerFactory _logs;
    private readonly ILogger<ListenerSet> _logger;
    private ImmutableArray<Port> _ports = [];
    private ImmutableArray<Retiring> _retiring = [];

    /// <summary>Ports whose requests the engine serves.</summary>
    public ListenerSet(GatewayEngine engine, ILoggerFactory logs)
        : this(RequestEntry.To(engine), logs) { }

    /// <summary>
    /// Ports whose requests, after the strictness guard, go to another pipeline: console and REST of a manager have the same
    /// guard, limits and reload as API traffic.
    /// </summary>
    public ListenerSet(Func<IFeatureCollection, Task> pipeline, ILoggerFactory logs)
        : this(RequestEntry.To(pipeline), logs) { }

    private ListenerSet(RequestEntry entry, ILoggerFactory logs)
    {
        _entry = entry;
        _logs = logs;
        _logger = logs.CreateLogger<ListenerSet>();
    }

    /// <summary>Every open listener's name and the address it is bound to.</summary>
    public IReadOnlyDictionary<string, IPEndPoint> Bound => _ports.ToDictionary(p => p.Settings.Name, p => p.Bound);

    /// <summary>Opens every listener, or none: throws <see cref="PortTakenException"/> after closing those it had opened.</summary>
    public Task StartAsync(IReadOnlyList<ListenerSettings> settings, CancellationToken cancellation = default) =>
        ApplyAsync(settings, cancellation);

    /// <summary>
    /// Opens what is new, closes what is gone (its requests finish first) and leaves the rest alone. On
    /// <see cref="PortTakenException"/> nothing has changed. Only a port that moves between all addresses and one of them
    /// refuses connections for a moment: the two cannot be bound together.
    /// </summary>
    public async Task ApplyAsync(IReadOnlyList<ListenerSettings> settings, CancellationToken cancellation = default)
    {
        var inTheWay = _ports
            .Where(p => !settings.Any(s => IsSame(p, s)) && settings.Any(s => Overlap(p.Settings.EndPoint, s.EndPoint)))
            .ToList();
        foreach (var port in inTheWay)
        {
            Retire(await port.CloseAsync().ConfigureAwait(false));
        }

        _ports = [.. _ports.Except(inTheWay)];
        try
        {
            await ChangeAsync(settings, cancellation).ConfigureAwait(false);
        }
        catch
        {
            foreach (var port in inTheWay)
            {
                _ports =
                [
                    .. _ports,
                    await Port.OpenAsync(port.Settings, _entry, _logs, CancellationToken.None).ConfigureAwait(false),
                ];
            }

            throw;
        }

        foreach (var port in inTheWay)
        {
            LogClosed(port.Settings.Name, port.Bound);
        }
    }

    private async Task ChangeAsync(IReadOnlyList<ListenerSettings> settings, CancellationToken cancellation)
    {
        var opened = new List<Port>();
        var fronts = new List<(Port Port, ListenerSettings Settings, HttpFront Front)>();
        try
        {
            // First everything that can fail.
            foreach (var wanted in settings)
            {
                var port = _ports.FirstOrDefault(p => IsSame(p, wanted));
                if (port is null)
                {
                    opened.Add(await Port.OpenAsync(wanted, _entry, _logs, cancellation).ConfigureAwait(false));
                }
                else if (port.Settings != wanted)
                {
                    fronts.Add(
                        (
                            port,
                            wanted,
                            await HttpFront.StartAsync(wanted, _entry, _logs, cancellation).ConfigureAwait(false)
                        )
                    );
                }
            }
        }
        catch
        {
            foreach (var port in opened)
            {
                await port.DisposeAsync().ConfigureAwait(false);
            }

            foreach (var (_, _, front) in fronts)
            {
                await front.DisposeAsync().ConfigureAwait(false);
            }

            throw;
        }

        foreach (var (port, wanted, front) in fronts)
        {
            Retire(port.Swap(wanted, front));
        }

        var gone = _ports.Where(p => !settings.Any(s => s == p.Settings)).ToList();
        foreach (var port in gone)
        {
            Retire(await port.CloseAsync().ConfigureAwait(false));
            LogClosed(port.Settings.Name, port.Bound);
        }

        foreach (var port in opened)
        {
            LogListening(port.Settings.Name, port.Bound);
        }

        _ports = [.. _ports.Except(gone), .. opened];
    }

    /// <summary>Takes no new connections and waits until open requests are done, at most <paramref name="timeout"/>; then cuts them.</summary>
    public async Task DrainAsync(TimeSpan timeout)
    {
        var closing = _ports.Select(p => p.CloseAsync()).ToList();
        var fronts = await Task.WhenAll(closing).ConfigureAwait(false);
        var stopping = fronts.Select(f => StopAsync(f, timeout)).Concat(_retiring.Select(r => r.HurryAsync(timeout)));
        _ports = [];
        _retiring = [];
        await Task.WhenAll(stopping).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(DrainAsync(TimeSpan.Zero));

    private static bool IsSame(Port port, ListenerSettings wanted) =>
        port.Settings.EndPoint.Equals(wanted.EndPoint) && port.Settings.Name == wanted.Name;

    private static bool Overlap(IPEndPoint one, IPEndPoint other) =>
        one.Port != 0 && one.Port == other.Port && (IsAny(one) || IsAny(other) || one.Equals(other));

    private static bool IsAny(IPEndPoint endPoint) =>
        endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any);

    private void Retire(HttpFront front) =>
        _retiring = [.. _retiring.Where(r => !r.Stopping.IsCompleted), new Retiring(front)];

    private static async Task StopAsync(HttpFront front, TimeSpan atMost)
    {
        await front.StopAsync(atMost).ConfigureAwait(false);
        await front.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A front that serves what it has and then ends.</summary>
    private sealed class Retiring
    {
        private readonly HttpFront _front;
        private readonly TaskCompletionSource _hurry = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Retiring(HttpFront front)
        {
            _front = front;
            Stopping = StopLaterAsync();
        }

        public Task Stopping { get; }

        public async Task HurryAsync(TimeSpan atMost)
        {
            _hurry.TrySetResult();
            await _front.StopAsync(atMost).ConfigureAwait(false);
            await Stopping.ConfigureAwait(false);
        }

        private async Task StopLaterAsync()
        {
            await Task.WhenAny(_hurry.Task, Task.Delay(s_firstRequest)).ConfigureAwait(false);
            await StopAsync(_front, s_longestFarewell).ConfigureAwait(false);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Listener '{Listener}' takes requests on {EndPoint}")]
    private partial void LogListening(string listener, IPEndPoint endPoint);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Listener '{Listener}' on {EndPoint} is closed; its open requests finish"
    )]
    private partial void LogClosed(string listener, IPEndPoint endPoint);
}
