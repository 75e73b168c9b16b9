using System.Collections.Immutable;
using System.Net;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Authentication;

/// <summary>From where a key may be used. A key without bounds has none of these.</summary>
internal sealed record KeyBounds(ImmutableArray<IPNetwork> Addresses, ImmutableArray<string> Referers)
{
    /// <summary>Null when <paramref name="addresses"/> holds something that is no network.</summary>
    public static bool TryMake(ImmutableArray<string> addresses, ImmutableArray<string> referers, out KeyBounds? bounds)
    {
        bounds = null;
        if (addresses.IsDefaultOrEmpty && referers.IsDefaultOrEmpty)
        {
            return true;
        }

        var networks = ImmutableArray.CreateBuilder<IPNetwork>();
        foreach (var text in addresses.IsDefault ? [] : addresses)
        {
            if (IPNetwork.TryParse(text, out var network))
            {
                networks.Add(network);
            }
            else if (IPAddress.TryParse(text, out var one))
            {
                networks.Add(new(one, one.GetAddressBytes().Length * 8));
            }
            else
            {
                return false;
            }
        }

        bounds = new(networks.ToImmutable(), referers.IsDefault ? [] : referers);
        return true;
    }

    public bool Allow(Exchange exchange) => AllowsAddress(exchange.Caller.Address) && AllowsReferer(exchange);

    private bool AllowsAddress(string text)
    {
        if (Addresses.IsEmpty)
        {
            return true;
        }

        if (!IPAddress.TryParse(text, out var address))
        {
            return false;
        }

        foreach (var network in Addresses)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    private bool AllowsReferer(Exchange exchange)
    {
        if (Referers.IsEmpty)
        {
            return true;
        }

        var referer = exchange.Request.Headers.Referer.ToString();
        foreach (var start in Referers)
        {
            // "https://shop.example" must not allow "https://shop.example.evil.net".
            if (
                referer.StartsWith(start, StringComparison.OrdinalIgnoreCase)
                && (referer.Length == start.Length || start.EndsWith('/') || referer[start.Length] is '/' or '?' or '#')
            )
            {
                return true;
            }
        }

        return false;
    }
}
