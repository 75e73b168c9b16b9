using System.Collections.Immutable;

namespace Gatehouse.Model;

/// <summary>What the feed sends a node: the kinds of its profile and, of deployments, those of its environments.</summary>
/// <param name="kinds">The kinds.</param>
/// <param name="environments">The environments; they count only for deployments.</param>
public sealed class FeedScope(IReadOnlySet<string> kinds, IEnumerable<string> environments) : IEquatable<FeedScope>
{
    /// <summary>The kinds.</summary>
    public IReadOnlySet<string> Kinds => kinds;

    /// <summary>The environments whose deployments are sent; empty when none are.</summary>
    public ImmutableSortedSet<string> Environments { get; } =
        kinds.Contains(EntityKinds.Api)
            ? environments.ToImmutableSortedSet(StringComparer.Ordinal)
            : ImmutableSortedSet<string>.Empty;

    /// <summary>All deployments, of environments that are yet to be made too: for a manager itself.</summary>
    public bool IsEverywhere { get; private init; }

    /// <summary>All of <paramref name="kinds"/>.</summary>
    public static FeedScope Everywhere(IReadOnlySet<string> kinds) => new(kinds, []) { IsEverywhere = true };

    /// <summary>What a node of <paramref name="profile"/> that serves <paramref name="environments"/> is sent.</summary>
    public static FeedScope Of(Profile profile, IEnumerable<string> environments) =>
        new(EntityKinds.For(profile), environments);

    /// <summary>What <paramref name="node"/> is sent.</summary>
    public static FeedScope Of(Node node) => Of(node.Profile, node.Served());

    /// <summary>All of <paramref name="kinds"/>, and no deployments but those of the default environment.</summary>
    public static FeedScope Of(IReadOnlySet<string> kinds) => new(kinds, [GatewayEnvironment.Default]);

    /// <summary>Whether the entity of that name is part of it.</summary>
    public bool Includes(string kind, string name) =>
        kinds.Contains(kind)
        && (kind != EntityKinds.Api || IsEverywhere || Environments.Contains(DeploymentName.Parse(name).Environment));

    /// <summary>Whether all of <paramref name="other"/> is part of it.</summary>
    public bool Covers(FeedScope other) =>
        other.Kinds.All(kinds.Contains)
        && (IsEverywhere || (!other.IsEverywhere && other.Environments.All(Environments.Contains)));

    /// <inheritdoc/>
    public bool Equals(FeedScope? other) =>
        other is not null
        && IsEverywhere == other.IsEverywhere
        && kinds.SetEquals(other.Kinds)
        && Environments.SetEquals(other.Environments);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FeedScope);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        Environments.Aggregate(kinds.Count, (hash, environment) => HashCode.Combine(hash, environment));
}
