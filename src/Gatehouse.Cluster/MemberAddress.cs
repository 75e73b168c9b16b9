using System.Globalization;

namespace Gatehouse.Cluster;

/// <summary>Where a member is reached for membership: the host it advertises, and its port.</summary>
/// <param name="Host">A host name or an IP address, in lower case.</param>
/// <param name="Port">1 to 65535.</param>
public readonly record struct MemberAddress(string Host, int Port) : IComparable<MemberAddress>
{
    /// <summary>By host, then by port. Every member sorts alike, which is what the choice of a first member rests on.</summary>
    public int CompareTo(MemberAddress other)
    {
        var byHost = string.CompareOrdinal(Host, other.Host);
        return byHost != 0 ? byHost : Port.CompareTo(other.Port);
    }

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <(MemberAddress left, MemberAddress right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >(MemberAddress left, MemberAddress right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <=(MemberAddress left, MemberAddress right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >=(MemberAddress left, MemberAddress right) => left.CompareTo(right) >= 0;

    /// <summary><c>host:port</c>, an IPv6 address in brackets.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}");
}
