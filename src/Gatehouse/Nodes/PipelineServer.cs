using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Nodes;

/// <summary>
/// An ASP.NET Core server without a socket: it takes the application's pipeline, and our own listeners feed it. So the public
/// ports of a manager have the same guard and the same reload as those of a worker.
/// </summary>
internal sealed class PipelineServer : IServer
{
    private Func<IFeatureCollection, Task>? _process;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    /// <summary>Runs one request through the pipeline. Only after the application was started.</summary>
    public Task ProcessAsync(IFeatureCollection features) =>
        _process is { } process
            ? process(features)
            : throw new InvalidOperationException("The application is not started.");

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        _process = async features =>
        {
            var context = application.CreateContext(features);
            Exception? failure = null;
            try
            {
                await application.ProcessRequestAsync(context);
            }
            catch (Exception e)
            {
                failure = e;
                throw;
            }
            finally
            {
                application.DisposeContext(context, failure);
            }
        };
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() { }
}
