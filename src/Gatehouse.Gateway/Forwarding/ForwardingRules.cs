namespace Gatehouse.Gateway.Forwarding;

/// <summary>How requests of a route are passed on.</summary>
internal sealed record ForwardingRules
{
    /// <summary>A worker to a backend: the backend's own Host, nothing is replayed.</summary>
    public static readonly ForwardingRules ToBackend = new();

    /// <summary>The backend sees the Host that the caller sent, byte for byte.</summary>
    public bool KeepsHost { get; init; }

    /// <summary>Passes <c>X-Gatehouse-*</c> on both ways: the next node is one of ours and judges who may use them.</summary>
    public bool PassesOwnHeaders { get; init; }

    /// <summary>A request that may be repeated is, once, on another target.</summary>
    public bool Replays { get; init; }

    /// <summary>This node's name for <c>X-Forwarded-Server</c>; null leaves that header and <c>X-Forwarded-Port</c> out.</summary>
    public string? ServerName { get; init; }

    /// <summary>The cookie that keeps a caller on one target; null for none.</summary>
    public StickyCookie? Sticky { get; init; }
}
