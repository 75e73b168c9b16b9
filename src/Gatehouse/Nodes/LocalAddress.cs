using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Nodes;

/// <summary>The address of this machine that others reach it on, when the operator names none.</summary>
internal static class LocalAddress
{
    /// <summary>The first IPv4 address of an interface that leads out; loopback when there is none.</summary>
    public static string OfThisMachine()
    {
        var addresses =
            from card in NetworkInterface.GetAllNetworkInterfaces()
            where
                card.OperationalStatus == OperationalStatus.Up
                && card.NetworkInterfaceType != NetworkInterfaceType.Loopback
            let properties = card.GetIPProperties()
            orderby properties.GatewayAddresses.Count descending
            from address in properties.UnicastAddresses
            where address.Address.AddressFamily == AddressFamily.InterNetwork
            select address.Address.ToString();
        return addresses.FirstOrDefault() ?? IPAddress.Loopback.ToString();
    }

    /// <summary>The address this machine would speak from to one of <paramref name="managers"/>. Sends nothing.</summary>
    public static string TowardsAny(IEnumerable<string> managers)
    {
        foreach (var manager in managers)
        {
            if (!HostPort.TryParse(manager, out var address))
            {
                continue;
            }

            try
            {
                using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
                socket.Connect(address.Host, address.Port);
                var local = ((IPEndPoint)socket.LocalEndPoint!).Address;
                return (local.IsIPv4MappedToIPv6 ? local.MapToIPv4() : local).ToString();
            }
            catch (SocketException)
            {
                // A name that does not resolve here, or no route: the next address may do.
            }
        }

        return OfThisMachine();
    }
}
