using System.Net;
using System.Net.Sockets;
using Gatehouse.Cluster;

namespace Gatehouse.Nodes;

/// <summary>Finds ports nobody listens on.</summary>
internal static class FreePort
{
    /// <summary>The first free port from <paramref name="first"/> on; <paramref name="first"/> itself when none of the next hundred is.</summary>
    public static int From(int first) =>
        Enumerable
            .Range(first, MembershipSettings.PortIncrements)
            .Where(port => port <= IPEndPoint.MaxPort)
            .FirstOrDefault(IsFree, first);

    public static bool IsFree(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp)
            {
                DualMode = true,
            };
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
