using System.Collections.Immutable;

namespace Gatehouse.Client;

/// <summary>How to talk to one cluster: where its managers are, whom to trust, and who we are.</summary>
internal sealed record ManagerContext
{
    /// <summary>Addresses of its managers, such as <c>https://mgr-1:9443</c>; tried in turn.</summary>
    public required ImmutableArray<Uri> Managers { get; init; }

    /// <summary>The cluster's certificate authority as PEM; null for the system's.</summary>
    public string? Ca { get; init; }

    /// <summary>Bearer token; null before the first sign-in.</summary>
    public string? Token { get; init; }
}
