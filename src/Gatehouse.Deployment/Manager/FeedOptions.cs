namespace Gatehouse.Deployment.Manager;

/// <summary>The feed's times and bounds.</summary>
public sealed record FeedOptions
{
    /// <summary>How often a stream says where the head is.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A receiver that takes no byte for this long is dropped; it comes again with its cursor.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>About how many changes a stream reads from the source at a time.</summary>
    public int BatchSize { get; init; } = 64;
}
