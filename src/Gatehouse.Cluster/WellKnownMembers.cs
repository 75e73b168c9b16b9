using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Gatehouse.Model;

namespace Gatehouse.Cluster;

/// <summary>Reads the well-known members: ranges become addresses, names stay names and are looked up at every attempt.</summary>
public static class WellKnownMembers
{
    /// <summary>A node asks all of them at once; more than this is a scan, not a list.</summary>
    public const int MaxAddresses = 1024;

    private const string Key = "cluster.members";

    /// <summary>Every address, in the order written and each once, and all that is wrong with the list.</summary>
    public static (ImmutableArray<MemberAddress> Addresses, ImmutableArray<Problem> Problems) Expand(
        IEnumerable<WellKnownMember> members
    )
    {
        var addresses = ImmutableArray.CreateBuilder<MemberAddress>();
        var problems = ImmutableArray.CreateBuilder<Problem>();
        var seen = new HashSet<MemberAddress>();
        foreach (var member in members)
        {
            if (member.Port is < 1 or > 65535)
            {
                problems.Add(At(member, $"{member.Port} is not a port", "write a port from 1 to 65535"));
                continue;
            }

            foreach (var host in Hosts(member, problems))
            {
                var address = new MemberAddress(host, member.Port);
                if (seen.Add(address))
                {
                    addresses.Add(address);
                }
            }
        }

        if (addresses.Count > MaxAddresses)
        {
            problems.Add(
                new Problem(
                    Key,
                    $"the well-known members are {addresses.Count} addresses; at most {MaxAddresses} are asked",
                    "list the two or three nodes that always run; any one of them lets a node in"
                )
            );
        }

        return (addresses.ToImmutable(), problems.ToImmutable());
    }

    private static IEnumerable<string> Hosts(WellKnownMember member, ImmutableArray<Problem>.Builder problems)
    {
        var pattern = member.HostPattern.Trim().Trim('[', ']').ToLowerInvariant();
        if (
            IPAddress.TryParse(pattern, out var address) && (pattern.Contains(':') || pattern.Count(c => c == '.') == 3)
        )
        {
            return [address.ToString()];
        }

        var looksLikeAddress =
            pattern.Length > 0 && pattern.All(c => char.IsAsciiDigit(c) || c is '.' or '-' or '*' or '/');
        if (!looksLikeAddress && Uri.CheckHostName(pattern) == UriHostNameType.Dns)
        {
            return [pattern];
        }

        if (!looksLikeAddress)
        {
            problems.Add(
                At(member, $"'{member.HostPattern}' is neither a host name nor an address", "write one of the two")
            );
            return [];
        }

        var dot = pattern.LastIndexOf('.');
        if (
            dot > 0
            && pattern[(dot + 1)..].Split('-') is [var first, var last]
            && Octet(first) is { } from
            && Octet(last) is { } to
            && IPAddress.TryParse(pattern[..dot] + ".0", out _)
            && pattern.Count(c => c == '.') == 3
        )
        {
            if (from <= to)
            {
                return Enumerable
                    .Range(from, to - from + 1)
                    .Select(n => string.Create(CultureInfo.InvariantCulture, $"{pattern[..dot]}.{n}"));
            }

            problems.Add(
                At(member, $"the range '{member.HostPattern}' runs backwards", $"write {pattern[..dot]}.{to}-{from}")
            );
            return [];
        }

        problems.Add(
            At(
                member,
                $"'{member.HostPattern}' is not an address; a range can stand for the last octet only",
                "write it like 192.168.1.2-10, one line for each network"
            )
        );
        return [];
    }

    private static int? Octet(string text) =>
        text.Length is > 0 and <= 3
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
        && n <= 255
            ? n
            : null;

    private static Problem At(WellKnownMember member, string message, string fix) =>
        new(Key, message, fix, member.File, member.Line);
}
