using Gatehouse.Gateway.Lane;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Listeners;

/// <summary>Where the requests of a listener go.</summary>
/// <param name="StartAsync">Starts a server with it.</param>
/// <param name="Time">The clock by which floods are told from traffic.</param>
/// <param name="RunsInline">Whether its code may run on the threads that poll stock sockets: only what never blocks may.</param>
/// <param name="Loops">Where its connections live; null for stock sockets. Only what never blocks may run there.</param>
/// <param name="Lane">Serves the requests that need no server; null when all go there.</param>
internal sealed record RequestEntry(
    Func<IServer, CancellationToken, Task> StartAsync,
    TimeProvider Time,
    bool RunsInline,
    LoopGroup? Loops = null,
    LaneEntry? Lane = null
)
{
    /// <summary>To an engine, with one exchange per connection.</summary>
    public static RequestEntry To(GatewayEngine engine) =>
        new(
            (server, cancellation) => server.StartAsync<Exchange>(engine.Application, cancellation),
            engine.Time,
            engine.RunsInline,
            engine.Loops,
            engine.Lane
        );

    /// <summary>To any other pipeline.</summary>
    public static RequestEntry To(Func<IFeatureCollection, Task> pipeline) =>
        new(
            (server, cancellation) => server.StartAsync(new Passing(pipeline), cancellation),
            TimeProvider.System,
            RunsInline: false
        );

    private sealed class Passing(Func<IFeatureCollection, Task> pipeline) : IHttpApplication<IFeatureCollection>
    {
        public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

        public Task ProcessRequestAsync(IFeatureCollection context) => pipeline(context);

        public void DisposeContext(IFeatureCollection context, Exception? exception) { }
    }
}
