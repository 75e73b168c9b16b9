using System.Net;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway.Transport;

/// <summary>
/// The transport that the data plane's tests run on: the loops where they run, as on a node, or the stock sockets with
/// <c>GATEHOUSE_TEST_TRANSPORT=sockets</c>.
/// </summary>
internal static class TestTransport
{
    private static readonly Lazy<LoopGroup?> s_loops = new(() =>
        Environment.GetEnvironmentVariable("GATEHOUSE_TEST_TRANSPORT") == "sockets"
            ? null
            : LoopGroup.TryStart(NullLoggerFactory.Instance)
    );

    /// <summary>Loops that live as long as the test process; null for stock sockets.</summary>
    public static LoopGroup? Loops => s_loops.Value;

    public static GatewayOptions Over(GatewayOptions options) =>
        options.Loops is null ? options with { Loops = Loops } : options;
}

/// <summary>Lets a Kestrel of a test listen on loops.</summary>
internal sealed class LoopListenerFactory(LoopGroup loops) : IConnectionListenerFactory
{
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new(LoopListener.Open(loops, "test", (IPEndPoint)endpoint, NullLogger.Instance));
}
