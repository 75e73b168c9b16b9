using System.Collections.Immutable;
using System.Net;
using Gatehouse.Cluster;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Configuration;

/// <summary>
/// Everything one node is told, complete and checked: defaults, <c>gatehouse.yaml</c>, environment and flags are merged and the
/// port offset is applied. <see cref="SettingsTable"/> says what each value means and whether a reload applies it.
/// </summary>
internal sealed record NodeSettings
{
    /// <summary>Who the node is.</summary>
    public required NodeIdentitySettings Node { get; init; }

    /// <summary>Added to every port but the membership port; kept to show where a port comes from.</summary>
    public required int PortOffset { get; init; }

    /// <summary>Where it listens.</summary>
    public required ListenSettings Listen { get; init; }

    /// <summary>The names the outside world knows the cluster by.</summary>
    public required HostSettings Hosts { get; init; }

    /// <summary>Where the outside reaches it, when a proxy is in between.</summary>
    public required PublicUrlSettings PublicUrls { get; init; }

    /// <summary>How members find each other.</summary>
    public required ClusterSettings Cluster { get; init; }

    /// <summary>Where a manager keeps the catalogue.</summary>
    public required DatabaseSettings Database { get; init; }

    /// <summary>An outside provider that people sign in by; null for none.</summary>
    public required OidcSettings? Oidc { get; init; }

    /// <summary>Certificates of the operator's for public names.</summary>
    public required TlsSettings Tls { get; init; }

    /// <summary>Proxies whose <c>X-Forwarded-*</c> is believed.</summary>
    public required ProxySettings Proxies { get; init; }

    /// <summary>How long things may take.</summary>
    public required TimeoutSettings Timeouts { get; init; }

    /// <summary>What the load balancer does beyond passing on.</summary>
    public required BalancerSettings Balancer { get; init; }

    /// <summary>What carries API traffic.</summary>
    public required TransportChoice Transport { get; init; }

    /// <summary>The folder of plug-ins that add policies; null for none.</summary>
    public string? Plugins { get; init; }

    /// <summary>What is written where.</summary>
    public required LogSettings Log { get; init; }

    /// <summary>What one node takes on at once.</summary>
    public required LimitSettings Limits { get; init; }

    /// <summary>What is told of requests.</summary>
    public required AnalyticsSettings Analytics { get; init; }
}

/// <summary>What carries API traffic.</summary>
internal enum TransportChoice
{
    /// <summary>The loops where they run, else the stock sockets.</summary>
    Auto,

    /// <summary>Our own event loops.</summary>
    Loops,

    /// <summary>The runtime's sockets.</summary>
    Sockets,
}

/// <summary>Who the node is.</summary>
internal sealed record NodeIdentitySettings
{
    /// <summary>Unique in the cluster.</summary>
    public required string Name { get; init; }

    /// <summary>What it runs.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Host name or address other nodes reach it on; null for the address of the route to the manager.</summary>
    public required string? Advertise { get; init; }

    /// <summary>Role label inside the domain: <c>mgt</c>, <c>worker</c>, <c>lb</c>.</summary>
    public required string SubDomain { get; init; }

    /// <summary>Keeps the table it has and takes no changes.</summary>
    public bool Hold { get; init; }

    /// <summary>The environments whose deployments it asks for, or whose workers it leads to; empty for its profile's own.</summary>
    public required ImmutableArray<string> Environments { get; init; }

    /// <summary>Free properties shown beside the member.</summary>
    public required ImmutableSortedDictionary<string, string> Properties { get; init; }
}

/// <summary>Where the node listens. A port that is null is off; 0 takes any free one.</summary>
internal sealed record ListenSettings
{
    /// <summary>API traffic, on workers.</summary>
    public required PublicPorts Gateway { get; init; }

    /// <summary>Console, portals and REST on managers; API traffic on workers, as the seed's balancer expects.</summary>
    public required ManagementPorts Management { get; init; }

    /// <summary>The load balancer's public side.</summary>
    public required PublicPorts Balancer { get; init; }

    /// <summary>Traffic between nodes, mutual TLS.</summary>
    public required PortSettings Internal { get; init; }

    /// <summary>Health and metrics.</summary>
    public required PortSettings Health { get; init; }
}

/// <summary>One address with a plain and a TLS port.</summary>
internal record PublicPorts
{
    /// <summary>The address; <see cref="IPAddress.IPv6Any"/> (both families) for <c>*</c>.</summary>
    public required IPAddress Bind { get; init; }

    /// <summary>Plain port; null when off.</summary>
    public required int? Http { get; init; }

    /// <summary>TLS port; null when off.</summary>
    public required int? Https { get; init; }

    /// <summary>Whether callers of the TLS port are asked for a certificate.</summary>
    public ClientCertificates ClientCertificates { get; init; } = ClientCertificates.Off;
}

/// <summary>Whether callers of a TLS port are asked for a certificate, and what happens without.</summary>
internal enum ClientCertificates
{
    /// <summary>Asked under names that an API with <c>mutualtls</c> answers on; who shows none gets on.</summary>
    Auto,

    /// <summary>Never asked.</summary>
    Off,

    /// <summary>Asked; who shows none gets on.</summary>
    Optional,

    /// <summary>Asked; who shows none is refused in the handshake.</summary>
    Required,
}

/// <summary>The management listener: also a list of who may connect.</summary>
internal sealed record ManagementPorts : PublicPorts
{
    /// <summary>Networks that may connect; empty for all.</summary>
    public required ImmutableArray<IPNetwork> Allow { get; init; }
}

/// <summary>One address with one port.</summary>
internal sealed record PortSettings
{
    /// <summary>The address; <see cref="IPAddress.IPv6Any"/> (both families) for <c>*</c>.</summary>
    public required IPAddress Bind { get; init; }

    /// <summary>The port.</summary>
    public required int Port { get; init; }
}

/// <summary>Public host names.</summary>
internal sealed record HostSettings
{
    /// <summary>Hosts for API traffic; empty for every host that is not a management one.</summary>
    public required ImmutableArray<string> Gateway { get; init; }

    /// <summary>Hosts for console, portals and REST.</summary>
    public required ImmutableArray<string> Management { get; init; }
}

/// <summary>URLs without a slash at the end; null where the nodes' own ports are what the outside reaches.</summary>
internal sealed record PublicUrlSettings
{
    /// <summary>API traffic, plain (seed: <c>WSDLEPRPrefix</c> of the http receiver, <c>proxyPort</c>).</summary>
    public required string? GatewayHttp { get; init; }

    /// <summary>API traffic, TLS.</summary>
    public required string? GatewayHttps { get; init; }

    /// <summary>Console, portals and REST (seed: <c>MgtHostName</c> with <c>proxyPort</c>).</summary>
    public required string? Management { get; init; }
}

/// <summary>How members find each other.</summary>
internal sealed record ClusterSettings
{
    /// <summary>Off: the same product without the member view.</summary>
    public required bool Enabled { get; init; }

    /// <summary>Nodes of another domain never join. Null: what the cluster was made with.</summary>
    public required string? Domain { get; init; }

    /// <summary>How <see cref="Members"/> is read.</summary>
    public required MembershipScheme Scheme { get; init; }

    /// <summary>Our own membership address.</summary>
    public required LocalMemberSettings LocalMember { get; init; }

    /// <summary>Well-known members; ranges are still ranges.</summary>
    public required ImmutableArray<WellKnownMember> Members { get; init; }

    /// <summary>With the <c>dns</c> scheme: the name to look up.</summary>
    public required string? DnsName { get; init; }

    /// <summary>How fast a lost member is noticed.</summary>
    public required FailureDetection FailureDetection { get; init; }
}

/// <summary>Our own membership address.</summary>
internal sealed record LocalMemberSettings
{
    /// <summary>Advertised to members; null for the node's advertised address.</summary>
    public required string? Host { get; init; }

    /// <summary>The address to listen on; null for <see cref="Host"/> when this machine has it, else every address.</summary>
    public required IPAddress? Bind { get; init; }

    /// <summary>Not moved by the port offset.</summary>
    public required int Port { get; init; }

    /// <summary>A taken port moves to the next free one.</summary>
    public required bool Increment { get; init; }
}

/// <summary>An outside OpenID provider that people sign in by.</summary>
internal sealed record OidcSettings
{
    /// <summary>Its issuer.</summary>
    public required string Issuer { get; init; }

    /// <summary>What it knows this cluster as.</summary>
    public required string ClientId { get; init; }

    /// <summary>From the environment only; null when it is in <see cref="ClientSecretFile"/>, or when there is none.</summary>
    public required string? ClientSecret { get; init; }

    /// <summary>File that holds the secret; null for the systemd credential where there is one.</summary>
    public required string? ClientSecretFile { get; init; }

    /// <summary>How people call it; null for its host.</summary>
    public required string? Name { get; init; }

    /// <summary>What is asked for.</summary>
    public required ImmutableArray<string> Scopes { get; init; }

    /// <summary>The claim that names a new user.</summary>
    public required string UserClaim { get; init; }

    /// <summary>The claim with roles or groups.</summary>
    public required string RoleClaim { get; init; }

    /// <summary>Roles or groups there to roles here.</summary>
    public required ImmutableSortedDictionary<string, string> Roles { get; init; }

    /// <summary>Whether accounts are made.</summary>
    public required bool CreateUsers { get; init; }

    /// <summary>PEM file of the authorities that vouch for its server; null for the system's.</summary>
    public required string? AuthorityFile { get; init; }
}

/// <summary>Where a manager keeps the catalogue. Only <see cref="Provider"/> means anything for SQLite.</summary>
internal sealed record DatabaseSettings
{
    /// <summary>Which product.</summary>
    public required DatabaseProvider Provider { get; init; }

    /// <summary>Host name, address, or directory of a Unix socket.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port.</summary>
    public required int Port { get; init; }

    /// <summary>The database's name.</summary>
    public required string Name { get; init; }

    /// <summary>Who connects.</summary>
    public required string User { get; init; }

    /// <summary>From the environment only; null when it is in <see cref="PasswordFile"/>, or when there is none.</summary>
    public required string? Password { get; init; }

    /// <summary>File that holds the password; null for the systemd credential where there is one.</summary>
    public required string? PasswordFile { get; init; }

    /// <summary>How the connection is protected; null for what suits the host.</summary>
    public required DatabaseTls? Tls { get; init; }

    /// <summary>PEM file of the authorities that vouch for the server; null for the system's.</summary>
    public required string? AuthorityFile { get; init; }

    /// <summary>PEM file of a client certificate; null for none.</summary>
    public required string? CertificateFile { get; init; }

    /// <summary>PEM file of its key.</summary>
    public required string? KeyFile { get; init; }

    /// <summary>Most connections at once.</summary>
    public required int Connections { get; init; }

    /// <summary>Migrate a shared database at the start of a manager.</summary>
    public required bool Migrate { get; init; }
}

/// <summary>The database products.</summary>
internal enum DatabaseProvider
{
    /// <summary>A file in the data directory, for one manager.</summary>
    Sqlite,

    /// <summary>A server, for one manager or several.</summary>
    PostgreSql,
}

/// <summary>Certificates for public names.</summary>
internal sealed record TlsSettings
{
    /// <summary>The first whose <see cref="CertificateSettings.Hosts"/> match the name the client asks for; else the node's own certificate.</summary>
    public required ImmutableArray<CertificateSettings> Certificates { get; init; }

    /// <summary>PEM file of the authorities that client certificates must come from; null for any, also self-signed ones.</summary>
    public string? ClientAuthorities { get; init; }
}

/// <summary>A certificate of the operator's, as PEM files.</summary>
/// <param name="Cert">Chain, leaf first.</param>
/// <param name="Key">Private key.</param>
/// <param name="Hosts">Names it is for; empty for those the certificate itself names.</param>
/// <param name="PassphraseFile">File whose first line opens the key; null for a key that is not encrypted.</param>
internal sealed record CertificateSettings(
    string Cert,
    string Key,
    ImmutableArray<string> Hosts,
    string? PassphraseFile = null
);

/// <summary>Proxies whose <c>X-Forwarded-*</c> is believed.</summary>
internal sealed record ProxySettings
{
    /// <summary>Their networks.</summary>
    public required ImmutableArray<IPNetwork> Trusted { get; init; }
}

/// <summary>How long things may take.</summary>
internal sealed record TimeoutSettings
{
    /// <summary>For requests in flight when the node stops or drains.</summary>
    public required TimeSpan Drain { get; init; }

    /// <summary>An idle client connection is closed after this.</summary>
    public required TimeSpan KeepAlive { get; init; }

    /// <summary>A client has this long to send a request head.</summary>
    public required TimeSpan RequestHead { get; init; }

    /// <summary>A request body may be this long slower than its least rate.</summary>
    public required TimeSpan BodyGrace { get; init; }

    /// <summary>A TLS handshake may take this long.</summary>
    public required TimeSpan Handshake { get; init; }

    /// <summary>A WebSocket may be silent this long in both directions.</summary>
    public required TimeSpan TunnelIdle { get; init; }
}

/// <summary>What the load balancer does beyond passing on.</summary>
internal sealed record BalancerSettings
{
    /// <summary>Name of a cookie that keeps an API client on one worker; null for none.</summary>
    public required string? ApiStickyCookie { get; init; }

    /// <summary>How nodes are chosen, and what is done for callers of some names.</summary>
    public required BalancingRules Rules { get; init; }

    /// <summary>Between two probes of a node.</summary>
    public required TimeSpan ProbeInterval { get; init; }

    /// <summary>Longest silence while a node answers.</summary>
    public required TimeSpan ReadTimeout { get; init; }

    /// <summary>Longest silence while a request is sent to a node.</summary>
    public required TimeSpan SendTimeout { get; init; }
}

/// <summary>What is written where.</summary>
internal sealed record LogSettings
{
    /// <summary>The least severe message that is written.</summary>
    public required LogLevel Level { get; init; }

    /// <summary>For people or for machines.</summary>
    public required LogFormat Format { get; init; }

    /// <summary>Where access lines go.</summary>
    public required AccessLogSettings Access { get; init; }
}

/// <summary>How a log line looks.</summary>
internal enum LogFormat
{
    /// <summary>For people.</summary>
    Text,

    /// <summary>One JSON object a line.</summary>
    Json,
}

/// <summary>Where access lines go: nowhere, standard output, or a file.</summary>
/// <param name="Kind">Which of the three.</param>
/// <param name="File">The file's path, for <see cref="AccessLogKind.File"/>.</param>
internal sealed record AccessLogSettings(AccessLogKind Kind, string? File = null);

/// <summary>The three places of an access log.</summary>
internal enum AccessLogKind
{
    /// <summary>None is kept.</summary>
    Off,

    /// <summary>Standard output.</summary>
    Stdout,

    /// <summary>A file.</summary>
    File,
}

/// <summary>What a worker tells of requests, and how long managers keep it.</summary>
internal sealed record AnalyticsSettings
{
    /// <summary>Whether it does.</summary>
    public required bool Enabled { get; init; }

    /// <summary>Most bytes that wait on disk.</summary>
    public required int SpoolBytes { get; init; }

    /// <summary>How long a manager keeps usage.</summary>
    public required UsageRetention Retention { get; init; }
}

/// <summary>What one node takes on at once.</summary>
internal sealed record LimitSettings
{
    /// <summary>Open client connections of one listener.</summary>
    public required int Connections { get; init; }

    /// <summary>Bytes of all headers of one request.</summary>
    public required int RequestHead { get; init; }

    /// <summary>Headers of one request.</summary>
    public required int Headers { get; init; }

    /// <summary>Least bytes a second of a request body with a length; 0 for no floor.</summary>
    public required int BodyRate { get; init; }

    /// <summary>Least bytes a second of a request body without one; 0 for no floor.</summary>
    public required int StreamRate { get; init; }

    /// <summary>Requests at once.</summary>
    public required int Requests { get; init; }

    /// <summary>Connections to one backend address.</summary>
    public required int ConnectionsPerBackend { get; init; }

    /// <summary>Counters of plans, policies and rules.</summary>
    public required int Counters { get; init; }

    /// <summary>Which headers tell a caller what is left.</summary>
    public required RateLimitHeaderForm RateLimitHeaders { get; init; }
}
