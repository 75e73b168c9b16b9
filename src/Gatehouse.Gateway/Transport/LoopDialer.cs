using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Gateway.Transport;

/// <summary>Connects from one loop.</summary>
internal sealed class LoopDialer(Loop loop) : Dialer
{
    public override ValueTask<Wire> ConnectAsync(EndPoint endPoint, CancellationToken cancellation) =>
        endPoint switch
        {
            IPEndPoint address => ConnectToAsync(address, cancellation),
            DnsEndPoint name when IPAddress.TryParse(name.Host, out var address) => ConnectToAsync(
                new(address, name.Port),
                cancellation
            ),
            DnsEndPoint name => ResolveAsync(name, cancellation),
            _ => throw new ArgumentException($"Cannot connect to a {endPoint.GetType().Name}.", nameof(endPoint)),
        };

    private async ValueTask<Wire> ResolveAsync(DnsEndPoint name, CancellationToken cancellation)
    {
        IPAddress[] addresses;
        try
        {
            addresses = await Dns.GetHostAddressesAsync(name.Host, cancellation).ConfigureAwait(false);
        }
        catch (SocketException unknown)
        {
            throw new IOException($"Cannot resolve '{name.Host}': {unknown.Message}", unknown);
        }

        var failure = new IOException($"'{name.Host}' has no address.");
        foreach (var address in addresses)
        {
            try
            {
                return await ConnectToAsync(new(address, name.Port), cancellation).ConfigureAwait(false);
            }
            catch (IOException refused)
            {
                failure = refused;
            }
        }

        throw failure;
    }

    private async ValueTask<Wire> ConnectToAsync(IPEndPoint address, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var fd = SocketCalls.NewSocket(address.AddressFamily);
        SocketCalls.Tune(fd);
        var wire = new LoopWire(loop, fd);
        await wire.ConnectAsync(address, cancellation).ConfigureAwait(false);
        return wire;
    }
}
