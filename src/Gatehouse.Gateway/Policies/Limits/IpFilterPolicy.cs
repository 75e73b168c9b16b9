using System.Net;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Lets addresses call or not. The address is the caller's as far as trusted proxies tell it.</summary>
internal sealed class IpFilterPolicy(IpFilterSettings settings) : IPolicy
{
    private static readonly GatewayProblem s_refused = new(
        403,
        "403",
        "Forbidden",
        "This address may not call this API."
    );

    private readonly IPNetwork[] _allow = [.. settings.Allow.Select(t => IpFilterSettings.NetworkOf(t)!.Value)];
    private readonly IPNetwork[] _deny = [.. settings.Deny.Select(t => IpFilterSettings.NetworkOf(t)!.Value)];

    public GatewayProblem? Apply(Exchange exchange)
    {
        if (!IPAddress.TryParse(exchange.Caller.Address, out var address))
        {
            return s_refused;
        }

        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return Contain(_deny, address) || (_allow.Length > 0 && !Contain(_allow, address)) ? s_refused : null;
    }

    private static bool Contain(IPNetwork[] networks, IPAddress address)
    {
        foreach (var network in networks)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}
