namespace Gatehouse.Management;

/// <summary>Who changes something, for the audit.</summary>
/// <param name="Name">User or node name; <c>system</c> for what the manager does by itself.</param>
/// <param name="From">Remote address; empty for the manager's own process.</param>
public sealed record Actor(string Name, string From = "")
{
    /// <summary>The manager itself.</summary>
    public static Actor System { get; } = new("system");
}
