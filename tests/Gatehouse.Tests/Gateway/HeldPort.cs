using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Tests.Gateway;

/// <summary>
/// A port of loopback that nobody else is given while this lives. Nobody listens on it, so that whoever connects is refused,
/// until somebody binds it by its number, which Linux allows beside a socket that only holds it.
/// </summary>
internal sealed class HeldPort : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    /// <param name="number">One that was let go a moment ago; 0 for any that is free.</param>
    public HeldPort(int number = 0) => _socket.Bind(new IPEndPoint(IPAddress.Loopback, number));

    public int Number => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    public string Url => $"http://127.0.0.1:{Number}";

    public void Dispose() => _socket.Dispose();
}
