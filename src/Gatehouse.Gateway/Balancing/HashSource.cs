using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Balancing;

/// <summary>What of a request decides which target it gets, where targets are chosen by a hash.</summary>
internal sealed record HashSource(HashPart Part, string Name = "")
{
    public static readonly HashSource Address = new(HashPart.Address);

    /// <summary>The hash; null for a request that lacks what is asked, and then turns are taken.</summary>
    public ulong? Of(Exchange exchange) =>
        Part switch
        {
            HashPart.Address => StableHash.Of(exchange.Caller.Address),
            HashPart.Target => StableHash.Of(exchange.Request.RawTarget.AsSpan(exchange.Target.PathStart)),
            HashPart.Header => exchange.Request.Headers.TryGetValue(Name, out var values) && values is [{ } value, ..]
                ? StableHash.Of(value)
                : null,
            _ => OfCookie(exchange),
        };

    private ulong? OfCookie(Exchange exchange)
    {
        foreach (var header in exchange.Request.Headers.Cookie)
        {
            foreach (var range in header.AsSpan().Split(';'))
            {
                var pair = header.AsSpan()[range].Trim();
                if (pair.Length > Name.Length && pair[Name.Length] == '=' && pair.StartsWith(Name))
                {
                    return StableHash.Of(pair[(Name.Length + 1)..]);
                }
            }
        }

        return null;
    }
}

/// <summary>The parts of a request that may be hashed.</summary>
internal enum HashPart
{
    /// <summary>The caller's address.</summary>
    Address,

    /// <summary>Path and query as they were sent.</summary>
    Target,

    /// <summary>A header's first value.</summary>
    Header,

    /// <summary>A cookie's value.</summary>
    Cookie,
}
