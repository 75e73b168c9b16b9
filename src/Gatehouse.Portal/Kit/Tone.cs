using Gatehouse.Management;

namespace Gatehouse.Portal.Kit;

/// <summary>How a state looks: never by colour alone, always with an icon and a word.</summary>
/// <param name="Class"><c>ok</c>, <c>busy</c>, <c>warn</c>, <c>fail</c> or <c>unknown</c>.</param>
/// <param name="Icon">A symbol of icons.svg.</param>
/// <param name="Word">What it is called.</param>
public sealed record Tone(string Class, string Icon, string Word)
{
    /// <summary>How a node stands.</summary>
    public static Tone Of(NodeState state) =>
        state switch
        {
            NodeState.Serving => new("ok", "circle-check", "serving"),
            NodeState.Starting => new("busy", "loader-circle", "starting"),
            NodeState.Draining => new("warn", "circle-pause", "draining"),
            NodeState.Held => new("warn", "circle-pause", "held"),
            NodeState.Stale => new("warn", "triangle-alert", "stale"),
            NodeState.Lost => new("fail", "unplug", "lost"),
            NodeState.Stopped => new("unknown", "power", "stopped"),
            _ => new("unknown", "circle-help", "never seen"),
        };

    /// <summary>How an entity stands on a node.</summary>
    public static Tone Of(DeploymentState state) =>
        state switch
        {
            DeploymentState.Applied => new("ok", "circle-check", "applied"),
            DeploymentState.Refused => new("fail", "circle-x", "refused"),
            DeploymentState.Stale => new("unknown", "unplug", "stale"),
            _ => new("busy", "loader-circle", "pending"),
        };
}
