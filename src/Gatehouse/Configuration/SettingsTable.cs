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
/// Every key a node understands, once. Reading, <c>config show</c>, the JSON schema, the reference page and what a reload may
/// change all come from this table.
/// </summary>
internal static class SettingsTable
{
    private const bool Reload = true;
    private const bool Restart = false;

    public static readonly Setting<Profile> Profile = Of(
        "node.profile",
        ValueKinds.Profile,
        Model.Profile.AllInOne,
        Restart,
        "What the node runs. `gatehouse join` takes it from the token.",
        flag: "--profile"
    );

    public static readonly Setting<string> Name = Of(
        "node.name",
        ValueKinds.NodeName,
        d => d.HostName,
        "the name in its certificate, else the host name",
        Restart,
        "Unique in the cluster. `gatehouse join` takes it from the token.",
        flag: "--name"
    );

    public static readonly Setting<string?> Advertise = Of<string?>(
        "node.advertise",
        ValueKinds.Optional(ValueKinds.Host),
        _ => null,
        "the address of the route to the manager",
        Restart,
        "Host name or address other nodes reach this one on.",
        flag: "--advertise"
    );

    public static readonly Setting<bool> Hold = Of(
        "node.hold",
        ValueKinds.Boolean,
        false,
        Restart,
        "Whether a worker or balancer keeps the table it has and takes no changes (`AutoCheckout` false of carbon.xml): deployments, blocks and revocations do not reach it, and `gatehouse status` shows it as held. One without a table takes it first."
    );
    public static readonly Setting<string> SubDomain = Of(
        "node.subDomain",
        ValueKinds.Label,
        d =>
            d.Profile.IsManager() ? "mgt"
            : d.Profile.IsWorker() ? "worker"
            : "lb",
        "`mgt`, `worker` or `lb`, by profile",
        Restart,
        "Role label inside the domain, shown by `gatehouse cluster members`. Authorises nothing."
    );

    public static readonly Setting<ImmutableSortedDictionary<string, string>> Properties = Of(
        "node.properties",
        new PropertiesKind(),
        ImmutableSortedDictionary<string, string>.Empty,
        Restart,
        "Free properties shown beside the member, such as `port.mapping.80: 9763`."
    );

    public static readonly Setting<ImmutableArray<string>> Environments = Of(
        "node.environments",
        ValueKinds.Environments,
        [],
        Restart,
        "Of a worker: the environments whose deployments it serves, of those it was let in for (`gatehouse token create --environment`); empty for all of these. Of a balancer: whose workers get the calls on hosts that no environment names; empty for `default`."
    );

    public static readonly Setting<int> PortOffset = Of(
        "portOffset",
        ValueKinds.Offset,
        0,
        Restart,
        "Added to every port but the membership port, so that several nodes fit on one machine.",
        flag: "--port-offset"
    );

    public static readonly Setting<IPAddress> GatewayBind = Bind("listen.gateway.bind", "API traffic");
    public static readonly Setting<int?> GatewayHttp = Port("listen.gateway.http", 8280, "API traffic, plain.");
    public static readonly Setting<int?> GatewayHttps = Port("listen.gateway.https", 8243, "API traffic, TLS.");
    public static readonly Setting<ClientCertificates> GatewayClientCertificates = Of(
        "listen.gateway.clientCertificates",
        ValueKinds.ClientCertificates,
        ClientCertificates.Auto,
        Reload,
        "Whether callers of API traffic's TLS ports are asked for a certificate: `off`; `optional`, who shows none gets on; `required`, who shows none is refused in the handshake; `auto`, optional under the names that an API with `mutualtls` answers on, and not asked elsewhere."
    );
    public static readonly Setting<IPAddress> ManagementBind = Bind(
        "listen.management.bind",
        "console, portals and REST; on a worker, API traffic"
    );
    public static readonly Setting<int?> ManagementHttp = Port(
        "listen.management.http",
        9763,
        "Console, portals and REST, plain: redirects to TLS. On a worker: API traffic."
    );
    public static readonly Setting<int?> ManagementHttps = Port(
        "listen.management.https",
        9443,
        "Console, portals and REST, TLS. On a worker: API traffic."
    );

    public static readonly Setting<ImmutableArray<IPNetwork>> ManagementAllow = Of(
        "listen.management.allow",
        ValueKinds.Networks,
        [],
        Reload,
        "Networks that may reach console, portals and REST on a manager; empty for all."
    );

    public static readonly Setting<IPAddress> BalancerBind = Bind("listen.balancer.bind", "the load balancer");
    public static readonly Setting<int?> BalancerHttp = Port(
        "listen.balancer.http",
        d => d.MayBindLowPorts ? 80 : 8080,
        "80, or 8080 without the right to bind it",
        "The load balancer's plain port."
    );
    public static readonly Setting<int?> BalancerHttps = Port(
        "listen.balancer.https",
        d => d.MayBindLowPorts ? 443 : 8443,
        "443, or 8443 without the right to bind it",
        "The load balancer's TLS port."
    );
    public static readonly Setting<ClientCertificates> BalancerClientCertificates = Of(
        "listen.balancer.clientCertificates",
        ValueKinds.BalancerClientCertificates,
        ClientCertificates.Off,
        Reload,
        "Whether callers of the load balancer's TLS port are asked for a certificate: `off`; `optional`, under every name but those of `hosts.management`; `required`, under every name. What they show is passed on to the workers."
    );

    public static readonly Setting<IPAddress> InternalBind = Of(
        "listen.internal.bind",
        ValueKinds.Bind,
        _ => ValueKinds.AnyAddress,
        "*",
        Restart,
        "Address for traffic between nodes."
    );

    public static readonly Setting<int> InternalPort = Of(
        "listen.internal.port",
        ValueKinds.PortNumber,
        7443,
        Restart,
        "Traffic between nodes: mutual TLS with certificates of this cluster only.",
        moves: true
    );

    public static readonly Setting<IPAddress> HealthBind = Of(
        "listen.health.bind",
        ValueKinds.Bind,
        IPAddress.Loopback,
        Restart,
        "Address of `/healthz`, `/readyz` and `/metrics`, which ask for no credentials."
    );

    public static readonly Setting<int> HealthPort = Of(
        "listen.health.port",
        ValueKinds.PortNumber,
        9090,
        Restart,
        "Port of `/healthz`, `/readyz` and `/metrics`.",
        moves: true
    );

    public static readonly Setting<ImmutableArray<string>> GatewayHosts = Of(
        "hosts.gateway",
        ValueKinds.Hosts,
        [],
        Reload,
        "Public names for API traffic (`HostName` of carbon.xml); empty for every name that is not a management one."
    );

    public static readonly Setting<ImmutableArray<string>> ManagementHosts = Of(
        "hosts.management",
        ValueKinds.Hosts,
        [],
        Reload,
        "Public names of console, portals and REST (`MgtHostName` of carbon.xml)."
    );

    public static readonly Setting<string?> PublicGatewayHttp = PublicUrl(
        "publicUrls.gateway.http",
        "API traffic, plain"
    );
    public static readonly Setting<string?> PublicGatewayHttps = PublicUrl(
        "publicUrls.gateway.https",
        "API traffic, TLS"
    );
    public static readonly Setting<string?> PublicManagement = PublicUrl(
        "publicUrls.management",
        "console, portals and REST"
    );

    public static readonly Setting<bool> ClusterEnabled = Of(
        "cluster.enabled",
        ValueKinds.Boolean,
        true,
        Restart,
        "Whether the node takes part in membership (`clustering enable` of axis2.xml). Off, all works but the member view."
    );

    public static readonly Setting<string?> Domain = Of<string?>(
        "cluster.domain",
        ValueKinds.Optional(ValueKinds.Label),
        _ => null,
        "what the cluster was made with; `wso2.am.domain` for `gatehouse init`",
        Restart,
        "Name of the cluster for membership. Nodes of another domain never join."
    );

    public static readonly Setting<MembershipScheme> Scheme = Of(
        "cluster.scheme",
        ValueKinds.Scheme,
        MembershipScheme.WellKnownMembers,
        Restart,
        "How members find each other (`membershipScheme`): `wka`, the list `cluster.members`; `dns`, the records of `cluster.dnsName`."
    );

    public static readonly Setting<string?> LocalMemberHost = Of<string?>(
        "cluster.localMember.host",
        ValueKinds.Optional(ValueKinds.Host),
        _ => null,
        "`node.advertise`",
        Restart,
        "Membership address told to others (`localMemberHost`)."
    );

    public static readonly Setting<IPAddress?> LocalMemberBind = Of<IPAddress?>(
        "cluster.localMember.bind",
        ValueKinds.Optional(ValueKinds.Bind),
        _ => null,
        "`cluster.localMember.host` where this machine has it, else `*`",
        Restart,
        "Address the membership port listens on."
    );

    public static readonly Setting<int> LocalMemberPort = Of(
        "cluster.localMember.port",
        ValueKinds.PortNumber,
        4000,
        Restart,
        "Membership port (`localMemberPort`). `portOffset` does not move it."
    );

    public static readonly Setting<bool> LocalMemberIncrement = Of(
        "cluster.localMember.increment",
        ValueKinds.Boolean,
        true,
        Restart,
        "Whether a taken membership port moves to the next free one, up to 100 further.",
        flag: "--no-port-increment"
    );

    public static readonly Setting<ImmutableArray<WellKnownMember>> Members = Of(
        "cluster.members",
        ValueKinds.Members,
        [],
        Reload,
        "Well-known members, any one of which lets a node in: `host:port`, or a range over the last octet such as `192.168.1.2-10:4000`. List at least two."
    );

    public static readonly Setting<string?> DnsName = Of<string?>(
        "cluster.dnsName",
        ValueKinds.Optional(ValueKinds.Host),
        _ => null,
        "none",
        Restart,
        "Name whose SRV or address records are the members, for `cluster.scheme: dns`."
    );

    public static readonly Setting<FailureDetection> Detection = Of(
        "cluster.failureDetection",
        ValueKinds.Detection,
        FailureDetection.Lan,
        Restart,
        "How fast a lost member is noticed: `lan` within 3 s, `wan` within 15 s."
    );

    public static readonly Setting<DatabaseProvider> DatabaseProduct = Of(
        "database.provider",
        ValueKinds.DatabaseProvider,
        DatabaseProvider.Sqlite,
        Restart,
        "Where a manager keeps the catalogue: `sqlite`, a file in its data directory, for one manager; `postgresql`, a database that several managers share. Only a manager has a database."
    );
    public static readonly Setting<string> DatabaseHost = Of(
        "database.host",
        ValueKinds.DatabaseHost,
        "localhost",
        Restart,
        "Host name or address of the PostgreSQL server, or the directory of its Unix socket."
    );
    public static readonly Setting<int> DatabasePort = Of(
        "database.port",
        ValueKinds.PortNumber,
        5432,
        Restart,
        "Port of the PostgreSQL server."
    );
    public static readonly Setting<string> DatabaseName = Of(
        "database.name",
        ValueKinds.Label,
        "gatehouse",
        Restart,
        "Name of the database. `gatehouse setup` creates it where the user may."
    );
    public static readonly Setting<string> DatabaseUser = Of(
        "database.user",
        ValueKinds.Label,
        "gatehouse",
        Restart,
        "The PostgreSQL role to connect as."
    );
    public static readonly Setting<string?> DatabasePassword = Of<string?>(
        "database.password",
        ValueKinds.Optional(ValueKinds.Secret),
        _ => null,
        "none",
        Restart,
        "The role's password. From the environment only: a file and a command line are read by others. Prefer `database.passwordFile`."
    );
    public static readonly Setting<string?> DatabasePasswordFile = Of<string?>(
        "database.passwordFile",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "the systemd credential `database.password`, where there is one",
        Restart,
        "File whose first line is the password, readable by the node's user only. Read at each new connection, so that a changed password needs no restart."
    );
    public static readonly Setting<DatabaseTls?> DatabaseTls = Of<DatabaseTls?>(
        "database.tls",
        ValueKinds.DatabaseTls,
        _ => null,
        "`off` for a Unix socket and this machine, else `verify-full`",
        Restart,
        "How the connection is protected: `off`; `require`, encrypted to whoever answers; `verify-ca`, to a server that a trusted authority vouches for; `verify-full`, whose certificate names the host too."
    );
    public static readonly Setting<string?> DatabaseAuthority = Of<string?>(
        "database.ca",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "the system's",
        Restart,
        "PEM file of the authorities that may vouch for the server."
    );
    public static readonly Setting<string?> DatabaseCertificate = Of<string?>(
        "database.cert",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "none",
        Restart,
        "PEM file of a client certificate for the server."
    );
    public static readonly Setting<string?> DatabaseKey = Of<string?>(
        "database.key",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "none",
        Restart,
        "PEM file of the client certificate's key."
    );
    public static readonly Setting<int> DatabaseConnections = Of(
        "database.connections",
        ValueKinds.Count,
        20,
        Restart,
        "Most connections of this manager to the server at once."
    );
    public static readonly Setting<bool> DatabaseMigrate = Of(
        "database.migrate",
        ValueKinds.Boolean,
        false,
        Restart,
        "Whether a manager that starts brings a shared database up to its version. Off, only `gatehouse setup` does, and a manager says when that is due. A SQLite file always is."
    );

    public static readonly Setting<string?> OidcIssuer = Of<string?>(
        "signIn.oidc.issuer",
        ValueKinds.Optional(ValueKinds.Url),
        _ => null,
        "none",
        Restart,
        "Issuer of an outside OpenID provider that people may sign in by, such as `https://id.example.com/realms/staff`: what `/.well-known/openid-configuration` stands below. Register `/api/v1/sign-in/oidc/callback` below the managers' address there."
    );
    public static readonly Setting<string?> OidcClientId = Of<string?>(
        "signIn.oidc.clientId",
        ValueKinds.Optional(ValueKinds.Label),
        _ => null,
        "none",
        Restart,
        "What the provider knows this cluster as."
    );
    public static readonly Setting<string?> OidcClientSecret = Of<string?>(
        "signIn.oidc.clientSecret",
        ValueKinds.Optional(ValueKinds.Secret),
        _ => null,
        "none",
        Restart,
        "The client's secret. From the environment only. Prefer `signIn.oidc.clientSecretFile`."
    );
    public static readonly Setting<string?> OidcClientSecretFile = Of<string?>(
        "signIn.oidc.clientSecretFile",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "the systemd credential `signIn.oidc.clientSecret`, where there is one",
        Restart,
        "File whose first line is the client's secret, readable by the node's user only. Read at each sign-in, so that a changed secret needs no restart."
    );
    public static readonly Setting<string?> OidcName = Of<string?>(
        "signIn.oidc.name",
        ValueKinds.Optional(ValueKinds.Label),
        _ => null,
        "the issuer's host",
        Restart,
        "How people call the provider; stands on the button of the sign-in page."
    );
    public static readonly Setting<ImmutableArray<string>> OidcScopes = Of(
        "signIn.oidc.scopes",
        ValueKinds.Labels,
        ["openid", "profile", "email"],
        Restart,
        "The scopes that are asked for."
    );
    public static readonly Setting<string> OidcUserClaim = Of(
        "signIn.oidc.userClaim",
        ValueKinds.Label,
        "preferred_username",
        Restart,
        "The claim that names the account of somebody who comes for the first time. Later they are found by issuer and subject."
    );
    public static readonly Setting<string> OidcRoleClaim = Of(
        "signIn.oidc.roleClaim",
        ValueKinds.Label,
        "roles",
        Restart,
        "The claim of the ID token with roles or groups: its name, or a path with dots such as Keycloak's `realm_access.roles`."
    );
    public static readonly Setting<ImmutableSortedDictionary<string, string>> OidcRoles = Of(
        "signIn.oidc.roles",
        new PropertiesKind(),
        ImmutableSortedDictionary<string, string>.Empty,
        Restart,
        "Which roles or groups there give which roles here: `gateway-admins: admin`, several with spaces between, `'*': subscriber` for everybody. They are set again at each sign-in of an account that was made this way."
    );
    public static readonly Setting<bool> OidcCreateUsers = Of(
        "signIn.oidc.createUsers",
        ValueKinds.Boolean,
        false,
        Restart,
        "Whether somebody who comes for the first time gets an account. Off, people connect the account they have, on its own page."
    );
    public static readonly Setting<string?> OidcAuthority = Of<string?>(
        "signIn.oidc.ca",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "the system's",
        Restart,
        "PEM file of the authorities that may vouch for the provider's server."
    );

    public static readonly Setting<ImmutableArray<CertificateSettings>> Certificates = Of(
        "tls.certificates",
        ValueKinds.Certificates,
        [],
        Reload,
        "PEM certificates for public names: `cert`, `key`, the `hosts` they are for (default: those the certificate names), and `passphraseFile` for a key that is encrypted. A key below 2048 bits of RSA is refused. Other names get the node's own certificate."
    );

    public static readonly Setting<string?> ClientAuthorities = Of<string?>(
        "tls.clientAuthorities",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "any certificate, which opens only what it was bound to",
        Reload,
        "PEM file of the authorities that certificates of callers must come from, where they are asked for one; another's is refused in the handshake."
    );

    public static readonly Setting<ImmutableArray<IPNetwork>> TrustedProxies = Of(
        "proxies.trusted",
        ValueKinds.Networks,
        [],
        Reload,
        "Networks of proxies whose `X-Forwarded-*` is believed. Balancers of this cluster always are."
    );

    public static readonly Setting<TimeSpan> Drain = Duration(
        "timeouts.drain",
        TimeSpan.FromSeconds(30),
        "How long requests in flight may take when the node stops."
    );
    public static readonly Setting<TimeSpan> KeepAlive = Duration(
        "timeouts.keepAlive",
        TimeSpan.FromSeconds(130),
        "An idle client connection is closed after this."
    );
    public static readonly Setting<TimeSpan> RequestHead = Duration(
        "timeouts.requestHead",
        TimeSpan.FromSeconds(30),
        "How long a client may take to send a request head."
    );
    public static readonly Setting<TimeSpan> BodyGrace = Duration(
        "timeouts.bodyGrace",
        TimeSpan.FromSeconds(10),
        "How long a request body may be slower than `limits.bodyRate` or `limits.streamRate` before that counts."
    );
    public static readonly Setting<TimeSpan> Handshake = Duration(
        "timeouts.handshake",
        TimeSpan.FromSeconds(10),
        "How long a TLS handshake may take."
    );
    public static readonly Setting<TimeSpan> TunnelIdle = Duration(
        "timeouts.tunnelIdle",
        TimeSpan.FromMinutes(15),
        "How long a WebSocket may be silent in both directions."
    );

    public static readonly Setting<string?> ApiStickyCookie = Of<string?>(
        "balancer.apiStickyCookie",
        ValueKinds.Optional(ValueKinds.CookieName),
        _ => null,
        "none",
        Restart,
        "Name of a cookie that keeps an API client on one worker."
    );
    public static readonly Setting<NodeChoice> NodeAlgorithm = Of(
        "balancer.algorithm",
        ValueKinds.NodeChoice,
        NodeChoice.LeastRequests,
        Reload,
        "How an API call finds its worker: `least-requests`, `round-robin`, `power-of-two`, `hash-ip`, `hash-uri`, `hash-header:NAME` or `hash-cookie:NAME`. Calls of the management host go to the least busy manager, and the same caller's always to the same."
    );
    public static readonly Setting<ImmutableArray<NodeShare>> NodeShares = Of(
        "balancer.nodes",
        ValueKinds.NodeShares,
        [],
        Reload,
        "Nodes that are not like the others: `node`, its name or address; `weight`, its share against the others' 1; `backup`, whether it gets requests only while every other node looks ill."
    );
    public static readonly Setting<ImmutableArray<HostRule>> HostRules = Of(
        "balancer.hosts",
        ValueKinds.HostRules,
        [],
        Reload,
        "What the load balancer does for callers of some names by itself: redirects, answers, headers, a rate for each address (`docs/reference/load-balancer.md`)."
    );
    public static readonly Setting<TimeSpan> ProbeInterval = Duration(
        "balancer.probeInterval",
        TimeSpan.FromSeconds(1),
        "Between two probes of a node by the load balancer."
    );
    public static readonly Setting<TimeSpan> ReadTimeout = Duration(
        "balancer.readTimeout",
        TimeSpan.FromMinutes(5),
        "Longest silence of a node that answers through the load balancer."
    );
    public static readonly Setting<TimeSpan> SendTimeout = Duration(
        "balancer.sendTimeout",
        TimeSpan.FromMinutes(5),
        "Longest standstill while the load balancer sends a request to a node."
    );

    public static readonly Setting<LogLevel> Level = Of(
        "log.level",
        ValueKinds.LogLevel,
        LogLevel.Information,
        Reload,
        "The least severe message that is written.",
        flag: "--log-level"
    );
    public static readonly Setting<LogFormat> Format = Of(
        "log.format",
        ValueKinds.LogFormat,
        LogFormat.Text,
        Restart,
        "`text` for people, `json` for machines: one object a line.",
        flag: "--log-format"
    );
    public static readonly Setting<AccessLogSettings> Access = Of(
        "log.access",
        ValueKinds.AccessLog,
        new AccessLogSettings(AccessLogKind.Off),
        Reload,
        "Where a line per request goes: `off`, `stdout`, or a file."
    );

    public static readonly Setting<bool> Analytics = Of(
        "analytics.enabled",
        ValueKinds.Boolean,
        true,
        Restart,
        "Whether this worker tells the managers which requests it served, for usage figures. Told are API, operation, application, status, fault, times and sizes; not who called or from where."
    );
    public static readonly Setting<int> AnalyticsSpool = Of(
        "analytics.spool",
        ValueKinds.Size,
        64 * 1024 * 1024,
        Restart,
        "Most bytes of it that wait on disk while no manager takes them; when it is full, the oldest give way."
    );
    public static readonly Setting<TimeSpan> UsageMinutes = Of(
        "analytics.retention.minutes",
        ValueKinds.Age,
        UsageRetention.Default.Minutes,
        Restart,
        "Of a manager: how long usage is kept by the minute, at least `1h`. Every manager of a cluster should say the same; the shortest counts."
    );
    public static readonly Setting<TimeSpan> UsageHours = Of(
        "analytics.retention.hours",
        ValueKinds.Age,
        UsageRetention.Default.Hours,
        Restart,
        "The same by the hour; no shorter than by the minute."
    );
    public static readonly Setting<TimeSpan> UsageDays = Of(
        "analytics.retention.days",
        ValueKinds.Age,
        UsageRetention.Default.Days,
        Restart,
        "The same by the day; no shorter than by the hour."
    );

    public static readonly Setting<TransportChoice> Transport = Of(
        "gateway.transport",
        ValueKinds.TransportChoice,
        TransportChoice.Auto,
        Restart,
        "What carries API traffic: `loops`, our own event loops (Linux on x64 and arm64), or `sockets`, the runtime's. `auto` takes the loops where they run. `loops` is an error where they do not."
    );

    public static readonly Setting<string?> Plugins = Of<string?>(
        "plugins",
        ValueKinds.Optional(ValueKinds.Path),
        _ => null,
        "none",
        Restart,
        "Folder of plug-ins that add policies, each a folder `NAME/NAME.dll`. On workers for their requests, on managers for the form and the check of settings."
    );

    public static readonly Setting<int> Connections = Of(
        "limits.connections",
        ValueKinds.Count,
        20_000,
        Reload,
        "Most open client connections of one listener."
    );
    public static readonly Setting<int> RequestHeadSize = Of(
        "limits.requestHead",
        ValueKinds.Size,
        32 * 1024,
        Reload,
        "Most bytes of all headers of one request."
    );
    public static readonly Setting<int> HeaderCount = Of(
        "limits.headers",
        ValueKinds.Count,
        100,
        Reload,
        "Most headers of one request."
    );
    public static readonly Setting<int> BodyRate = Of(
        "limits.bodyRate",
        ValueKinds.Rate,
        240,
        Reload,
        "Least bytes a second of a request body with a length, while it is waited for; slower ones get 408. 0 for no floor."
    );
    public static readonly Setting<int> StreamRate = Of(
        "limits.streamRate",
        ValueKinds.Rate,
        0,
        Reload,
        "The same of a request body without a length, but gRPC's. 0 for no floor, because streams may be quiet."
    );
    public static readonly Setting<int> Requests = Of(
        "limits.requests",
        ValueKinds.Count,
        20_000,
        Reload,
        "Most requests at once on this node, open streams among them; further ones get 503 before anything is done for them."
    );
    public static readonly Setting<int> ConnectionsPerBackend = Of(
        "limits.connectionsPerBackend",
        ValueKinds.Count,
        1024,
        Restart,
        "Most connections to one backend address; further requests wait for one."
    );
    public static readonly Setting<int> Counters = Of(
        "limits.counters",
        ValueKinds.Count,
        65_536,
        Restart,
        "Most counters that plans, policies and rules keep on this node, 1 KiB each when in use; when all are taken, new keys share."
    );
    public static readonly Setting<RateLimitHeaderForm> RateLimitHeaders = Of(
        "limits.rateLimitHeaders",
        ValueKinds.RateLimitHeaders,
        RateLimitHeaderForm.Standard,
        Restart,
        "Which headers tell a caller what is left: standard for RateLimit and RateLimit-Policy, both for X-RateLimit-* too."
    );

    /// <summary>All keys, in the order of the reference. The profile comes first, because defaults depend on it.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        Profile,
        Name,
        Advertise,
        SubDomain,
        Hold,
        Properties,
        Environments,
        PortOffset,
        GatewayBind,
        GatewayHttp,
        GatewayHttps,
        GatewayClientCertificates,
        ManagementBind,
        ManagementHttp,
        ManagementHttps,
        ManagementAllow,
        BalancerBind,
        BalancerHttp,
        BalancerHttps,
        BalancerClientCertificates,
        InternalBind,
        InternalPort,
        HealthBind,
        HealthPort,
        GatewayHosts,
        ManagementHosts,
        PublicGatewayHttp,
        PublicGatewayHttps,
        PublicManagement,
        ClusterEnabled,
        Domain,
        Scheme,
        LocalMemberHost,
        LocalMemberBind,
        LocalMemberPort,
        LocalMemberIncrement,
        Members,
        DnsName,
        Detection,
        DatabaseProduct,
        DatabaseHost,
        DatabasePort,
        DatabaseName,
        DatabaseUser,
        DatabasePassword,
        DatabasePasswordFile,
        DatabaseTls,
        DatabaseAuthority,
        DatabaseCertificate,
        DatabaseKey,
        DatabaseConnections,
        DatabaseMigrate,
        OidcIssuer,
        OidcClientId,
        OidcClientSecret,
        OidcClientSecretFile,
        OidcName,
        OidcScopes,
        OidcUserClaim,
        OidcRoleClaim,
        OidcRoles,
        OidcCreateUsers,
        OidcAuthority,
        Certificates,
        ClientAuthorities,
        TrustedProxies,
        Drain,
        KeepAlive,
        RequestHead,
        BodyGrace,
        Handshake,
        TunnelIdle,
        ApiStickyCookie,
        NodeAlgorithm,
        NodeShares,
        HostRules,
        ProbeInterval,
        ReadTimeout,
        SendTimeout,
        Analytics,
        AnalyticsSpool,
        UsageMinutes,
        UsageHours,
        UsageDays,
        Transport,
        Plugins,
        Level,
        Format,
        Access,
        Connections,
        RequestHeadSize,
        HeaderCount,
        BodyRate,
        StreamRate,
        Requests,
        ConnectionsPerBackend,
        Counters,
        RateLimitHeaders,
    ];

    /// <summary>The key with this name; null when there is none.</summary>
    public static Setting? Find(string key) => s_byKey.GetValueOrDefault(key);

    private static readonly Dictionary<string, Setting> s_byKey = All.ToDictionary(s => s.Key);

    private static Setting<T> Of<T>(
        string key,
        ValueKind<T> kind,
        Func<SettingDefaults, T> whenUnset,
        string? inWords,
        bool reloads,
        string doc,
        string? flag = null,
        bool moves = false
    ) =>
        new()
        {
            Key = key,
            Kind = kind,
            Default = whenUnset,
            DefaultInWords = inWords,
            Reloads = reloads,
            Doc = doc,
            Flag = flag,
            Moves = moves,
        };

    private static Setting<T> Of<T>(
        string key,
        ValueKind<T> kind,
        T whenUnset,
        bool reloads,
        string doc,
        string? flag = null,
        bool moves = false
    ) => Of(key, kind, _ => whenUnset, null, reloads, doc, flag, moves);

    private static Setting<IPAddress> Bind(string key, string what) =>
        Of(key, ValueKinds.Bind, _ => ValueKinds.AnyAddress, "*", Reload, $"Address for {what}; `*` for all.");

    private static Setting<string?> PublicUrl(string key, string what) =>
        Of<string?>(
            key,
            ValueKinds.Optional(ValueKinds.Url),
            _ => null,
            "none",
            Reload,
            $"Where the outside reaches {what}, when that is not a port of a node: behind a proxy. Stands in every link that is printed or shown. `portOffset` does not move it."
        );

    private static Setting<int?> Port(string key, int port, string doc) =>
        Of<int?>(key, ValueKinds.PortOrOff, port, Reload, doc, moves: true);

    private static Setting<int?> Port(string key, Func<SettingDefaults, int?> port, string inWords, string doc) =>
        Of(key, ValueKinds.PortOrOff, port, inWords, Reload, doc, moves: true);

    private static Setting<TimeSpan> Duration(string key, TimeSpan time, string doc) =>
        Of(key, ValueKinds.Duration, time, Reload, doc);
}
