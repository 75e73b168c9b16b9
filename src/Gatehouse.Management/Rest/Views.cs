using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

// The documents of the REST API, as the command line and the console read them.

/// <summary>The cluster on one screen.</summary>
public sealed record StatusView(
    string Cluster,
    string Manager,
    string Version,
    string History,
    long Epoch,
    DateTimeOffset StartedAt,
    DateTimeOffset Now,
    ImmutableArray<NodeView> Nodes,
    ImmutableArray<Alert> Alerts
)
{
    /// <summary>As <paramref name="caller"/> may see it: a subscriber learns nothing of backends, nor how APIs of others fare.</summary>
    public StatusView ShownTo(Caller? caller) =>
        caller?.SeesBehind == true
            ? this
            : this with
            {
                Nodes = [.. Nodes.Select(n => n.WithoutTargets())],
                Alerts = Alerts.RemoveAll(a => a.Api is not null),
            };
}

/// <summary>One registered node.</summary>
public sealed record NodeView
{
    /// <summary>Unique in the cluster.</summary>
    public required string Name { get; init; }

    /// <summary>What it runs.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Role label inside the domain.</summary>
    public required string SubDomain { get; init; }

    /// <summary>How it stands.</summary>
    public required NodeState State { get; init; }

    /// <summary>Where other nodes reach it.</summary>
    public required string Host { get; init; }

    /// <summary>Its port for traffic between nodes.</summary>
    public required int InternalPort { get; init; }

    /// <summary>Its public listeners by name.</summary>
    public required ImmutableSortedDictionary<string, int> Ports { get; init; }

    /// <summary>Free properties.</summary>
    public required ImmutableSortedDictionary<string, string> Properties { get; init; }

    /// <summary>Of a worker: the environments it serves.</summary>
    public ImmutableArray<string> Environments
    {
        // A manager of an older build does not say.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Was told to take no new requests.</summary>
    public required bool Draining { get; init; }

    /// <summary>What it has applied up to; null when it has not reported, or runs another history.</summary>
    public long? Epoch { get; init; }

    /// <summary>When it was last heard of; null when never.</summary>
    public DateTimeOffset? LastSeen { get; init; }

    /// <summary>When its process began; null until it reports.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Its process id; null until it reports.</summary>
    public int? ProcessId { get; init; }

    /// <summary>Its build; null until it reports.</summary>
    public string? Version { get; init; }

    /// <summary>What it cannot run.</summary>
    public ImmutableArray<Refusal> Refusals { get; init; } = [];

    /// <summary>What it serves, over the last ten seconds; null while that is not known, and of nodes that serve no traffic.</summary>
    public NodeTrafficView? Traffic { get; init; }

    /// <summary>As <paramref name="caller"/> may see it: a subscriber learns nothing of backends.</summary>
    public NodeView ShownTo(Caller? caller) => caller?.SeesBehind == true ? this : WithoutTargets();

    internal NodeView WithoutTargets() =>
        Traffic is null ? this : this with { Traffic = Traffic with { Targets = [], MoreTargets = 0 } };
}

/// <summary>What a worker or a balancer serves.</summary>
/// <param name="RequestsPerSecond">Of all answers.</param>
/// <param name="FailedPerSecond">Of answers with 5xx.</param>
/// <param name="InFlight">Requests under way now.</param>
/// <param name="Targets">Backends of a worker, nodes behind a balancer: who looks ill first, then the busiest.</param>
/// <param name="MoreTargets">How many more there are.</param>
public sealed record NodeTrafficView(
    double RequestsPerSecond,
    double FailedPerSecond,
    long InFlight,
    ImmutableArray<TargetTrafficView> Targets,
    int MoreTargets
);

/// <summary>What one of them is given.</summary>
/// <param name="Name">Scheme, host and port of a backend; name of a node.</param>
/// <param name="RequestsPerSecond">Requests it is given.</param>
/// <param name="InFlight">Requests it works on now.</param>
/// <param name="Ill">True while the node prefers others to it: calls or checks of it failed.</param>
public sealed record TargetTrafficView(string Name, double RequestsPerSecond, long InFlight, bool Ill);

/// <summary>The newest certificate of a node.</summary>
/// <param name="Node">The node.</param>
/// <param name="SerialNumber">Hexadecimal.</param>
/// <param name="IssuedAt">When it was issued.</param>
/// <param name="NotAfter">When it ends.</param>
/// <param name="RenewalAsked">True while another one was asked for and has not been issued.</param>
public sealed record NodeCertificateView(
    string Node,
    string SerialNumber,
    DateTimeOffset IssuedAt,
    DateTimeOffset NotAfter,
    bool RenewalAsked
)
{
    internal static NodeCertificateView Of(Node node, NodeCertificateRow certificate) =>
        new(
            node.Name,
            certificate.SerialNumber,
            certificate.IssuedAt,
            certificate.NotAfter,
            node.RenewalOf is not null
        );
}

/// <summary>The member table of the cluster engine.</summary>
public sealed record MembersView(
    bool Enabled,
    string? Domain,
    string? Phase,
    string? ClusterId,
    string? OwnAddress,
    ImmutableArray<MemberView> Members,
    ImmutableArray<Problem> Problems
);

/// <summary>One member.</summary>
public sealed record MemberView(
    string Name,
    string Address,
    string State,
    DateTimeOffset Since,
    bool IsSelf,
    string? Profile,
    string? SubDomain,
    string? Version,
    DateTimeOffset? Started,
    ImmutableSortedDictionary<string, string> Properties
);

/// <summary>Asks for a join token.</summary>
/// <param name="Profile">What the node becomes.</param>
/// <param name="Node">How it is called; null for the next free name.</param>
/// <param name="Environments">Of a worker: the environments it may serve; null for the default one.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateJoinToken(
    [property: JsonRequired] Profile Profile,
    string? Node = null,
    string[]? Environments = null
);

/// <summary>A new join token; the only time it can be read.</summary>
public sealed record CreatedJoinToken(string Id, string Token, Profile Profile, string Node, DateTimeOffset ExpiresAt)
{
    /// <summary>The environments its node may serve.</summary>
    public ImmutableArray<string> Environments
    {
        // A manager of an older build does not say.
        get => field.IsDefault ? [] : field;
        init;
    } = [];
}

/// <summary>A join token that is still good for something.</summary>
public sealed record JoinTokenView(
    string Id,
    Profile Profile,
    string Node,
    string CreatedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    int Attempts,
    DateTimeOffset? UsedAt
)
{
    /// <summary>The environments its node may serve.</summary>
    public ImmutableArray<string> Environments
    {
        // A manager of an older build does not say.
        get => field.IsDefault ? [] : field;
        init;
    } = [];
}

/// <summary>Spends a sign-in code.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SignIn([property: JsonRequired] string Code);

/// <summary>Asks for a trace grant for oneself.</summary>
/// <param name="Seconds">How long it is good for, at most an hour.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateTraceGrant(int Seconds = 900);

/// <summary>A trace grant: the value of <c>X-Gatehouse-Grant</c>.</summary>
public sealed record IssuedTraceGrant(string Grant, DateTimeOffset ExpiresAt);

/// <summary>Who the bearer of a token is.</summary>
public sealed record WhoAmI(string User, string Role, string TokenId, ImmutableArray<string> Permissions);

/// <summary>A page of the audit, the newest first.</summary>
/// <param name="Entries">The page.</param>
/// <param name="Next">Ask for <c>before</c> this; null at the end.</param>
public sealed record AuditPage(ImmutableArray<AuditEntry> Entries, long? Next);

/// <summary>One line of the audit.</summary>
public sealed record AuditEntry(
    long Id,
    DateTimeOffset At,
    string Actor,
    string From,
    string Summary,
    JsonNode? Changes,
    Digest Chain
);

/// <summary>Whether the audit's chain holds.</summary>
/// <param name="Whole">True when no entry was edited or is missing.</param>
/// <param name="BrokenAt">The first entry that does not fit; null when whole.</param>
public sealed record AuditVerdict(bool Whole, long? BrokenAt);
