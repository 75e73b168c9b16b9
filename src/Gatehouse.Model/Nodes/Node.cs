using System.Collections.Immutable;

namespace Gatehouse.Model;

/// <summary>A registered node. It stays in the list until it leaves or is evicted, dead or alive.</summary>
public sealed record Node
{
    /// <summary>Unique in the cluster; the entity's name.</summary>
    public required string Name { get; init; }

    /// <summary>What it runs.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Role label inside the domain: <c>mgt</c>, <c>worker</c>, <c>lb</c> (seed: axis2.xml <c>subDomain</c>).</summary>
    public required string SubDomain { get; init; }

    /// <summary>Host name or address that other nodes reach it on.</summary>
    public required string Host { get; init; }

    /// <summary>Its port for traffic between nodes (7443 plus offset).</summary>
    public required int InternalPort { get; init; }

    /// <summary>Its public listeners by name: <c>http</c>, <c>https</c> (API traffic or balancer), <c>management-http</c>, <c>management-https</c>.</summary>
    public ImmutableSortedDictionary<string, int> Ports { get; init; } = ImmutableSortedDictionary<string, int>.Empty;

    /// <summary>Takes no new requests; finishes those it has.</summary>
    public bool Draining { get; init; }

    /// <summary>
    /// Of a <c>gateway-manager</c>: that it runs no more of management than its profile says. Null in a row of an older build,
    /// where this profile ran all of it: such a manager goes on doing so.
    /// </summary>
    public bool? KeepsToProfile { get; init; }

    /// <summary>Of a worker: the public half of the key that it signs backend JWTs with, SubjectPublicKeyInfo in base64; null when it has none.</summary>
    public string? AssertionKey { get; init; }

    /// <summary>Environments it was let in for, by its join token or by an operator since.</summary>
    public ImmutableArray<string> Environments
    {
        // A row of an older build lacks it: there was one environment.
        get => field.IsDefaultOrEmpty ? [GatewayEnvironment.Default] : field;
        init;
    }

    /// <summary>The ones its <c>gatehouse.yaml</c> names; empty for all that it was let in for.</summary>
    public ImmutableArray<string> Asked
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Free properties shown beside the member (seed: axis2.xml <c>properties</c>).</summary>
    public ImmutableSortedDictionary<string, string> Properties { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>
    /// Serial numbers, spaces between, of the certificates that an operator wants replaced: a node that shows one of them renews
    /// it, which empties this. Null when nobody asked.
    /// </summary>
    public string? RenewalOf { get; init; }

    /// <summary>The environments whose deployments it serves.</summary>
    public IEnumerable<string> Served() => Asked.IsEmpty ? Environments : Asked.Where(MayServe);

    /// <summary>
    /// Whether it may have the deployments of <paramref name="environment"/>. One that holds the catalogue has them anyway, and
    /// a balancer has none.
    /// </summary>
    public bool MayServe(string environment) => Profile != Profile.GatewayWorker || Environments.Contains(environment);
}

/// <summary>A node certificate that was taken out of service.</summary>
public sealed record DeniedCertificate
{
    /// <summary>The node it named.</summary>
    public required string Node { get; init; }

    /// <summary>Why.</summary>
    public string? Reason { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>The names the outside world knows the cluster by.</summary>
public sealed record PublicHosts
{
    /// <summary>Hosts for API traffic (seed: carbon.xml <c>HostName</c>); empty for every host that is not a management one.</summary>
    public ImmutableArray<string> Gateway { get; init; } = [];

    /// <summary>Hosts for console, portals and REST (seed: carbon.xml <c>MgtHostName</c>).</summary>
    public ImmutableArray<string> Management { get; init; } = [];

    /// <summary>Where the outside reaches APIs in plain, when a proxy is in between (seed: <c>WSDLEPRPrefix</c>); null for the nodes' own address.</summary>
    public string? GatewayHttp { get; init; }

    /// <summary>The same over TLS.</summary>
    public string? GatewayHttps { get; init; }
}
