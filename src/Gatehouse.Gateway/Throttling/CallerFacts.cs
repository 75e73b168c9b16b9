using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Throttling;

/// <summary>What limits ask about a caller.</summary>
internal static class CallerFacts
{
    /// <summary>The end user; null when the caller is an application on its own behalf or nobody in particular.</summary>
    public static string? User(Exchange exchange) => exchange.Token is { IsUsers: true } token ? token.Subject : null;

    /// <summary>A claim of the caller's token, as text; null when there is none.</summary>
    public static string? Claim(Exchange exchange, string name) => exchange.Token?.Claim(name);
}
