using System.Collections.Immutable;
using System.Net;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Cluster;

/// <summary>Judges <see cref="MembershipSettings"/> before anything runs on them.</summary>
public static class MembershipSettingsValidator
{
    /// <summary>What a member tells of itself travels in one message; this keeps it far below the largest one.</summary>
    public const int MaxPropertiesBytes = 16 * 1024;

    /// <summary>All that forbids a start, and all that the operator should know but that does not.</summary>
    public static (ImmutableArray<Problem> Errors, ImmutableArray<Problem> Warnings) Validate(
        MembershipSettings settings
    )
    {
        if (!settings.Enabled)
        {
            return ([], []);
        }

        var (addresses, problems) = WellKnownMembers.Expand(settings.WellKnownMembers);
        var errors = problems.ToBuilder();
        var warnings = ImmutableArray.CreateBuilder<Problem>();

        if (
            string.IsNullOrWhiteSpace(settings.Domain)
            || settings.Domain.Length > 200
            || settings.Domain.Any(char.IsControl)
        )
        {
            errors.Add(
                new("cluster.domain", "the domain is empty or unreadable", "write a name such as wso2.am.domain")
            );
        }

        if (Uri.CheckHostName(settings.LocalMemberHost) == UriHostNameType.Unknown || IsAny(settings.LocalMemberHost))
        {
            errors.Add(
                new(
                    "cluster.localMember.host",
                    $"'{settings.LocalMemberHost}' is not an address that others can reach this node on",
                    "write this machine's address or host name"
                )
            );
        }

        if (settings.LocalMemberPort is < 1 or > 65535)
        {
            errors.Add(
                new(
                    "cluster.localMember.port",
                    $"{settings.LocalMemberPort} is not a port",
                    "write a port from 1 to 65535"
                )
            );
        }

        if (settings.BindHost is { } bind && !IPAddress.TryParse(bind.Trim('[', ']'), out _))
        {
            errors.Add(
                new(
                    "cluster.localMember.bindHost",
                    $"'{bind}' is not an address",
                    "write an IP address of this machine, or 0.0.0.0"
                )
            );
        }

        if (
            settings.Properties.Sum(p => Encoding.UTF8.GetByteCount(p.Key) + Encoding.UTF8.GetByteCount(p.Value))
            > MaxPropertiesBytes
        )
        {
            errors.Add(
                new(
                    "cluster.properties",
                    $"the properties are larger than {MaxPropertiesBytes} bytes",
                    "keep to ports and URLs"
                )
            );
        }

        if (settings.Scheme == MembershipScheme.Dns)
        {
            if (string.IsNullOrWhiteSpace(settings.DnsName))
            {
                errors.Add(
                    new(
                        "cluster.dns.name",
                        "the dns scheme needs a name to look up",
                        "write the name of the headless service"
                    )
                );
            }
        }
        else if (addresses.Length == 1)
        {
            warnings.Add(
                new(
                    "cluster.members",
                    $"only one well-known member ({addresses[0]}): while it is down, no other node finds the cluster",
                    "list at least two"
                )
            );
        }

        if (IsLoopback(settings.LocalMemberHost) && addresses.Any(a => !IsLoopback(a.Host)))
        {
            warnings.Add(
                new(
                    "cluster.localMember.host",
                    $"{settings.LocalMemberHost} is reached from this machine only, and there are well-known members on others",
                    "write the address the others reach this machine on"
                )
            );
        }

        return (errors.ToImmutable(), warnings.ToImmutable());
    }

    /// <summary>Reads <c>wka</c> or <c>dns</c>; null and the problem for anything else.</summary>
    public static (MembershipScheme? Scheme, Problem? Problem) ReadScheme(
        string text,
        string? file = null,
        int line = 0
    ) =>
        text.Trim().ToLowerInvariant() switch
        {
            "wka" => (MembershipScheme.WellKnownMembers, null),
            "dns" => (MembershipScheme.Dns, null),
            "multicast" => Refused(
                file,
                line,
                "multicast is not supported: most networks drop it and it lets anybody in",
                "set wka and list two well-known members"
            ),
            "aws" => Refused(
                file,
                line,
                "aws is not supported",
                "set wka and list two well-known members, or dns with a name that resolves to the nodes"
            ),
            "kubernetes" => Refused(
                file,
                line,
                "kubernetes is not supported",
                "set dns with the name of a headless service"
            ),
            _ => Refused(file, line, $"'{text}' is not a membership scheme", "set wka or dns"),
        };

    private static (MembershipScheme?, Problem?) Refused(string? file, int line, string message, string fix) =>
        (null, new Problem("cluster.membershipScheme", message, fix, file, line));

    private static bool IsAny(string host) =>
        IPAddress.TryParse(host.Trim('[', ']'), out var ip)
        && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any));

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
}
