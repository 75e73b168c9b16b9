using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>Which headers are about one connection only and end here (RFC 9110 §7.6.1).</summary>
internal static class HopByHop
{
    /// <summary>True for a header that never travels on, whichever way.</summary>
    public static bool Contains(string name) =>
        name.Length switch
        {
            2 => Is(name, "TE"),
            7 => Is(name, "Trailer") || Is(name, "Upgrade"),
            10 => Is(name, "Connection") || Is(name, "Keep-Alive"),
            16 => Is(name, "Proxy-Connection"),
            17 => Is(name, "Transfer-Encoding"),
            18 => Is(name, "Proxy-Authenticate"),
            19 => Is(name, "Proxy-Authorization"),
            _ => false,
        };

    /// <summary>True when a <c>Connection</c> header names this one too.</summary>
    public static bool IsNamedBy(StringValues connection, string name)
    {
        foreach (var value in connection)
        {
            foreach (var option in value.AsSpan().Split(','))
            {
                if (value.AsSpan()[option].Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>True when <c>Connection</c> holds more than the words every client sends.</summary>
    public static bool NamesHeaders(StringValues connection) =>
        connection.Count switch
        {
            0 => false,
            1 => connection[0] is { } value && !Is(value, "keep-alive") && !Is(value, "close") && !Is(value, "upgrade"),
            _ => true,
        };

    private static bool Is(string name, string other) => name.Equals(other, StringComparison.OrdinalIgnoreCase);
}
