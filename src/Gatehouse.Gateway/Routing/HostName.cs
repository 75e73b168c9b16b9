namespace Gatehouse.Gateway.Routing;

/// <summary>The host in a Host header, without its port, in lower case.</summary>
internal static class HostName
{
    /// <summary>The longest name DNS has.</summary>
    public const int Longest = 255;

    /// <summary>Writes the name to <paramref name="name"/> and returns its length; 0 when there is none that fits.</summary>
    public static int Read(string? header, Span<char> name)
    {
        var host = header.AsSpan();
        var port = host is ['[', ..] ? host.IndexOf(']') + 1 : host.IndexOf(':');
        host = port > 0 ? host[..port] : host;
        return host.Length > name.Length ? 0 : Math.Max(0, host.ToLowerInvariant(name));
    }
}
