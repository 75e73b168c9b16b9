using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Cluster.Joining;

/// <summary>Where others may be found right now: the well-known members or the records of a name, and those remembered. Names are looked up anew every time.</summary>
internal sealed class AddressBook(
    MembershipSettings settings,
    RememberedMembers remembered,
    Func<string, CancellationToken, Task<IPAddress[]>> lookUp
)
{
    /// <summary>A resolver that does not answer must not hold up the addresses that need none.</summary>
    public static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(2);

    private const int MaxAddressesOfAName = 16;

    /// <summary>The well-known members as written, ranges expanded; with the dns scheme those found at the last look.</summary>
    public IReadOnlyList<MemberAddress> Listed { get; private set; } =
        WellKnownMembers.Expand(settings.WellKnownMembers).Addresses;

    /// <summary>Every address to knock at, each once. Names without an address are left out.</summary>
    public async Task<IReadOnlyList<Contact>> LookAsync(CancellationToken cancellation)
    {
        if (settings.Scheme == MembershipScheme.Dns)
        {
            Listed = await LookUpNameAsync(settings.DnsName!, cancellation).ConfigureAwait(false);
        }

        var listed = Listed.Take(WellKnownMembers.MaxAddresses).Select(a => (Address: a, IsListed: true));
        var all = listed.Concat(remembered.Others.Select(a => (Address: a, IsListed: false)));
        var found = await Task.WhenAll(all.Select(a => ResolveAsync(a.Address, a.IsListed, cancellation)))
            .ConfigureAwait(false);
        return
        [
            .. found
                .SelectMany(c => c)
                .GroupBy(c => (c.Ip, c.Port))
                .Select(same => new Contact(
                    same.Key.Ip,
                    same.Key.Port,
                    [.. same.SelectMany(c => c.Hosts).Distinct()],
                    same.Any(c => c.IsListed)
                )),
        ];
    }

    private async Task<List<Contact>> ResolveAsync(MemberAddress address, bool isListed, CancellationToken cancellation)
    {
        if (IPAddress.TryParse(address.Host, out var ip))
        {
            return [new Contact(ip, address.Port, [address.Host], isListed)];
        }

        return
        [
            .. (await LookUpAsync(address.Host, cancellation).ConfigureAwait(false)).Select(found => new Contact(
                found,
                address.Port,
                // The host a member advertises may be its name or its address; Akka answers to that one only.
                [address.Host, found.ToString()],
                isListed
            )),
        ];
    }

    private async Task<IReadOnlyList<MemberAddress>> LookUpNameAsync(string name, CancellationToken cancellation)
    {
        if (name.StartsWith('_'))
        {
            return await ServiceRecords
                .LookUpAsync(name, ServiceRecords.SystemResolvers(), cancellation)
                .ConfigureAwait(false);
        }

        return
        [
            .. (await LookUpAsync(name, cancellation).ConfigureAwait(false)).Select(ip => new MemberAddress(
                ip.ToString(),
                settings.LocalMemberPort
            )),
        ];
    }

    private async Task<IEnumerable<IPAddress>> LookUpAsync(string host, CancellationToken cancellation)
    {
        try
        {
            // The system's resolver cannot be cancelled, only left behind.
            var found = await lookUp(host, cancellation).WaitAsync(LookupTimeout, cancellation).ConfigureAwait(false);
            return found.Take(MaxAddressesOfAName);
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            return [];
        }
    }
}

/// <summary>One address to knock at.</summary>
/// <param name="Ip">The address.</param>
/// <param name="Port">The membership port.</param>
/// <param name="Hosts">The names it may go by.</param>
/// <param name="IsListed">It is one of the well-known members.</param>
internal sealed record Contact(IPAddress Ip, int Port, IReadOnlyList<string> Hosts, bool IsListed)
{
    public override string ToString() => new MemberAddress(Hosts[0], Port).ToString();
}
