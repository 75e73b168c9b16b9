using System.Globalization;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>How tables say what documents spell out.</summary>
internal static class Words
{
    /// <summary><c>never seen</c>.</summary>
    public static string Of(NodeState state) =>
        state == NodeState.NeverSeen ? "never seen" : state.ToString().ToLowerInvariant();

    /// <summary><c>production-blocked</c>, as it is given to commands.</summary>
    public static string Of(SubscriptionState state) =>
        state switch
        {
            SubscriptionState.Active => "active",
            SubscriptionState.Blocked => "blocked",
            SubscriptionState.ProductionBlocked => "production-blocked",
            _ => "on-hold",
        };

    /// <summary>How long ago: <c>now</c>, <c>12 s</c>, <c>3 min</c>, <c>2 h</c>, <c>5 d</c>, <c>never</c>.</summary>
    public static string Ago(DateTimeOffset? then, DateTimeOffset now) =>
        then is { } time
            ? now - time < TimeSpan.FromSeconds(1.5)
                ? "now"
                : Span(now - time)
            : "never";

    /// <summary>A length of time in its largest whole unit.</summary>
    public static string Span(TimeSpan time) =>
        time.TotalSeconds < 90 ? Number(time.TotalSeconds, "s")
        : time.TotalMinutes < 90 ? Number(time.TotalMinutes, "min")
        : time.TotalHours < 36 ? Number(time.TotalHours, "h")
        : Number(time.TotalDays, "d");

    /// <summary>A version without the commit it was built from.</summary>
    public static string? Version(string? version) => version?.Split('+')[0];

    private static string Number(double n, string unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, Math.Floor(n)):0} {unit}");
}
