namespace Gatehouse.Gateway;

/// <summary>
/// How long the other side of a request may be silent. Read anew for every request, so that a reload changes them without
/// touching what is open.
/// </summary>
public sealed class TrafficTimeouts
{
    /// <summary>Longest time a caller may take to send or take the next piece of a body (seed: <c>proxy_send_timeout 5m</c>).</summary>
    public TimeSpan Caller { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Least bytes a second of a request body with a length, while it is waited for; 0 for no floor.</summary>
    public int BodyRate { get; set; } = 240;

    /// <summary>The same of a request body without a length, but gRPC's; 0 for no floor, because streams may be quiet.</summary>
    public int StreamRate { get; set; }

    /// <summary>How long a body may be slower than its floor before that counts.</summary>
    public TimeSpan BodyGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a WebSocket may be silent in both directions.</summary>
    public TimeSpan Tunnel { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Longest silence of a node that a balancer passes a request to (seed: <c>proxy_read_timeout 5m</c>). Backends have the API's own.</summary>
    public TimeSpan Node { get; set; } = TimeSpan.FromMinutes(5);
}
