using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>The proxies in front that are believed.</summary>
internal sealed class TrustedProxies(ImmutableArray<IPNetwork> networks)
{
    /// <summary>Most hops that are remembered as ignored; the first of them say enough.</summary>
    public const int MostIgnored = 4;

    private static readonly ImmutableArray<IPNetwork> s_near =
    [
        IPNetwork.Parse("127.0.0.0/8"),
        IPNetwork.Parse("10.0.0.0/8"),
        IPNetwork.Parse("172.16.0.0/12"),
        IPNetwork.Parse("192.168.0.0/16"),
        IPNetwork.Parse("169.254.0.0/16"),
        IPNetwork.Parse("100.64.0.0/10"),
        IPNetwork.Parse("::1/128"),
        IPNetwork.Parse("fc00::/7"),
        IPNetwork.Parse("fe80::/10"),
    ];

    private ImmutableHashSet<IPAddress> _ignored = [];

    /// <summary>Hops near this node that sent <c>X-Forwarded-For</c> and are not believed.</summary>
    public ImmutableHashSet<IPAddress> Ignored => Volatile.Read(ref _ignored);

    /// <summary>
    /// Notes a peer whose <c>X-Forwarded-For</c> was not believed; true when it is told of for the first time. From far away
    /// anybody may send the header, so only a peer with an address of a private network is taken for a proxy of the operator's.
    /// </summary>
    public bool Ignore(IPAddress peer)
    {
        var known = Ignored;
        if (known.Count >= MostIgnored || known.Contains(peer))
        {
            return false;
        }

        var plain = peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer;
        return s_near.Any(network => network.Contains(plain))
            && ImmutableInterlocked.Update(
                ref _ignored,
                (all, added) => all.Count < MostIgnored ? all.Add(added) : all,
                plain
            );
    }

    public bool Contain(IPAddress address)
    {
        if (networks.IsEmpty)
        {
            return false;
        }

        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        foreach (var network in networks)
        {
            if (network.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads addresses from the right and returns the first that is no trusted proxy; null when there is none or it cannot be read.</summary>
    public string? FirstUntrusted(StringValues forwardedFor)
    {
        string? last = null;
        for (var i = forwardedFor.Count - 1; i >= 0; i--)
        {
            var entries = (forwardedFor[i] ?? "").Split(',', StringSplitOptions.TrimEntries);
            for (var j = entries.Length - 1; j >= 0; j--)
            {
                if (!TryReadAddress(entries[j], out var address))
                {
                    return last;
                }

                last = address.ToString();
                if (!Contain(address))
                {
                    return last;
                }
            }
        }

        return last;
    }

    // Some proxies add the port: "203.0.113.7:4711", "[2001:db8::1]:4711".
    private static bool TryReadAddress(string text, out IPAddress address)
    {
        if (IPAddress.TryParse(text, out address!))
        {
            return true;
        }

        if (IPEndPoint.TryParse(text, out var endPoint))
        {
            address = endPoint.Address;
            return true;
        }

        return false;
    }
}
