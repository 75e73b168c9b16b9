using System.Globalization;

namespace Gatehouse.Deployment.Trust;

/// <summary>An address as people write it: <c>host:port</c>, <c>1.2.3.4:port</c> or <c>[::1]:port</c>.</summary>
/// <param name="Host">Host name or address, an IPv6 one without its brackets.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record HostPort(string Host, int Port)
{
    /// <summary>Reads an address. False on anything else.</summary>
    public static bool TryParse(string? text, out HostPort address)
    {
        address = null!;
        var colon = text?.LastIndexOf(':') ?? -1;
        if (
            colon < 1
            || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port is < 1 or > 65535
        )
        {
            return false;
        }

        var host = text![..colon];
        var bracketed = host is ['[', .., ']'];
        host = bracketed ? host[1..^1] : host;
        if (!IsHost(host) || bracketed != host.Contains(':', StringComparison.Ordinal))
        {
            return false;
        }

        address = new(host, port);
        return true;
    }

    /// <summary>True for a host name or an IP address (without brackets).</summary>
    public static bool IsHost(string? host) =>
        host is { Length: > 0 and <= 253 }
        && Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6
        && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':');

    /// <inheritdoc/>
    public override string ToString() =>
        Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
