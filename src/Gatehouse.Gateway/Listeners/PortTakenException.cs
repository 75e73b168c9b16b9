using System.Net;

namespace Gatehouse.Gateway;

/// <summary>A listener's address and port belong to someone else, or may not be bound.</summary>
public sealed class PortTakenException(string listener, IPEndPoint endPoint, Exception cause)
    : IOException($"Listener '{listener}' cannot listen on {endPoint}: {cause.Message}", cause)
{
    /// <summary>The listener's name.</summary>
    public string Listener { get; } = listener;

    /// <summary>What it asked for.</summary>
    public IPEndPoint EndPoint { get; } = endPoint;
}
