using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>The proxies in front that are believed.</summary>
internal sealed class TrustedProxies(ImmutableArray<IPNetwork> networks)
{
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
