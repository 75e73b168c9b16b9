using Gatehouse.Gateway;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway;

/// <summary>A balancer in front of a worker, with a TLS hop between them: what callers of a cluster meet.</summary>
internal sealed class BalancedGateway : IAsyncDisposable
{
    private readonly TlsNode _node;
    private readonly ListenerSet _listeners;

    private BalancedGateway(TlsNode node, GatewayEngine engine)
    {
        _node = node;
        _listeners = new(engine, NullLoggerFactory.Instance);
    }

    public int Port => _listeners.Bound["http"].Port;

    public static async Task<BalancedGateway> InFrontOfAsync(TestGateway worker)
    {
        var node = await TlsNode.StartAsync("w1");
        node.OnRequest = worker.Engine.ProcessAsync;
        var options = TestTransport.Over(new() { Node = "lb1" });
        var table = new BalancerTable(
            new()
            {
                Tls = TlsNode.Trusting,
                StickyKey = new byte[32],
                ConnectTimeout = TimeSpan.FromSeconds(20),
            },
            options,
            TimeProvider.System
        );
        table.Prepare([Entities.Node(node.Entity()) with { Epoch = 1 }], replace: false).Publish();
        var balanced = new BalancedGateway(node, new(table, options, TimeProvider.System, NullLoggerFactory.Instance));
        await balanced._listeners.StartAsync([TestGateway.Plain()], TestContext.Current.CancellationToken);
        return balanced;
    }

    public async ValueTask DisposeAsync()
    {
        await _listeners.DisposeAsync();
        await _node.DisposeAsync();
    }
}
