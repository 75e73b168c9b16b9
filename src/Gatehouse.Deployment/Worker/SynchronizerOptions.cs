using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Net.Client;

namespace Gatehouse.Deployment.Worker;

/// <summary>Who a node is to the synchronizer, whom it may ask, and how long it waits.</summary>
public sealed record SynchronizerOptions
{
    /// <summary>What the node runs: decides which kinds it knows.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Whose deployments it asks for; empty for all that it was let in for.</summary>
    public IReadOnlyList<string> Environments { get; init; } = [];

    /// <summary>The node's build.</summary>
    public required string Version { get; init; }

    /// <summary>Addresses (host:port) of every manager known.</summary>
    public required Latest<IReadOnlyList<string>> Managers { get; init; }

    /// <summary>Addresses of workers that may lend their store.</summary>
    public Latest<IReadOnlyList<string>> Peers { get; init; } = new([]);

    /// <summary>Makes a channel to an address; the synchronizer disposes it.</summary>
    public required Func<string, GrpcChannel> Connect { get; init; }

    /// <summary>Checks what a peer lends. Null: no peer is asked.</summary>
    public CatalogueVerifier? CatalogueKey { get; init; }

    /// <summary>How the others reach this node, for its reports.</summary>
    public Func<NodeFacts> Facts { get; init; } = () => new();

    /// <summary>Overrides the state in reports while the node drains or stops: <c>draining</c>, <c>stopping</c>.</summary>
    public Func<string?> Lifecycle { get; init; } = () => null;

    /// <summary>Why the node's certificate could not be renewed; null while all is well.</summary>
    public Func<string?> CertificateTrouble { get; init; } = () => null;

    /// <summary>Whom the node believes and who issued its certificate (<see cref="NodeIdentity.Trust"/>).</summary>
    public Func<string> Trust { get; init; } = () => "";

    /// <summary>Takes what a manager answers to a report: what the certificate is to be (<see cref="CertificateRenewal.Learn"/>).</summary>
    public Action<ReportReply> Learn { get; init; } = static _ => { };

    /// <summary>Proxies in front whose <c>X-Forwarded-For</c> is not believed.</summary>
    public Func<IEnumerable<string>> IgnoredHops { get; init; } = () => [];

    /// <summary>What the node served, for its reports; null when it does not count.</summary>
    public Func<NodeTraffic?> Traffic { get; init; } = () => null;

    /// <summary>Keeps the table it has: changes are not taken, reports go on. A node without a table takes one first.</summary>
    public bool Hold { get; init; }

    /// <summary>A manager that says nothing for this long is left for another.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>A node without a table asks a peer when no manager has answered for this long.</summary>
    public TimeSpan PeerAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A peer's table that no manager vouched for within this time is refused.</summary>
    public TimeSpan PeerAgeLimit { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The first wait after every manager was tried in vain; doubles up to <see cref="LongestPause"/>.</summary>
    public TimeSpan ShortestPause { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest wait.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The shortest time between two reports.</summary>
    public TimeSpan ReportEvery { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest time between two reports while connected.</summary>
    public TimeSpan ReportAtLeastEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Spreads the nodes over managers and pauses.</summary>
    public Random Random { get; init; } = Random.Shared;
}
