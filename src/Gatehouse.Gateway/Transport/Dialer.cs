using System.Net;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// Makes connections. There is one for the stock sockets and one for each loop, and a connection belongs to the dialer that
/// made it: pools are kept per dialer.
/// </summary>
internal abstract class Dialer
{
    /// <summary>The dialer of the loop that runs this thread, so that a request's upstream connections live on its own loop; else the stock one.</summary>
    public static Dialer Current => Loop.Current?.Dialer ?? SocketDialer.Instance;

    /// <summary>
    /// Connects within the time that the token gives. Throws <see cref="IOException"/> when refused or unreachable and
    /// <see cref="OperationCanceledException"/> on cancellation. A name is resolved first, off the loop.
    /// </summary>
    public abstract ValueTask<Wire> ConnectAsync(EndPoint endPoint, CancellationToken cancellation);
}
