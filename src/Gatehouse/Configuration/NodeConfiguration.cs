using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Gateway;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>A node's settings together with every single value and where it came from. Complete, checked, immutable.</summary>
internal sealed class NodeConfiguration
{
    private readonly ImmutableDictionary<string, SettingValue> _values;

    private NodeConfiguration(ImmutableDictionary<string, SettingValue> values)
    {
        _values = values;
        Settings = Build();
    }

    /// <summary>The settings, with the port offset applied.</summary>
    public NodeSettings Settings { get; }

    /// <summary>Every value in the order of the table, ports before the offset.</summary>
    public IEnumerable<SettingValue> Values => SettingsTable.All.Select(s => _values[s.Key]);

    /// <summary>Reads every layer. The configuration is null when there is a problem, and then all of them are listed.</summary>
    public static (NodeConfiguration? Configuration, ImmutableArray<Problem> Problems) Read(
        ConfigurationSources sources
    )
    {
        var problems = new List<Problem>();
        var layers = new[]
        {
            sources.Home is null ? [] : HomeLayer.Read(sources.Home, problems),
            sources.File is null ? [] : ConfigurationFile.Read(sources.File, problems),
            EnvironmentLayer.Read(sources.Environment, problems),
            FlagLayer.Read(sources.Flags, problems),
        };
        var written = layers.SelectMany(layer => layer).ToList();
        var values = WithDefaults(written, sources);
        NodeSettingsValidator.Check(values, problems);
        return problems.Count > 0
            ? (null, [.. problems.OrderBy(p => p.Line > 0 ? 0 : 1).ThenBy(p => p.Line).ThenBy(p => p.Column)])
            : (new NodeConfiguration(values), []);
    }

    /// <summary>This configuration with the other's value for every key that <paramref name="take"/> picks.</summary>
    public NodeConfiguration With(NodeConfiguration other, Func<Setting, bool> take) =>
        new(
            _values.SetItems(
                SettingsTable.All.Where(take).Select(s => KeyValuePair.Create(s.Key, other._values[s.Key]))
            )
        );

    /// <summary>One value with its origin.</summary>
    public SettingValue Value(Setting setting) => _values[setting.Key];

    /// <summary>The value that takes effect: a port with the offset added.</summary>
    public object? Effective(Setting setting)
    {
        var value = _values[setting.Key].Value;
        return setting.Moves && value is int port and > 0 ? port + Get(SettingsTable.PortOffset) : value;
    }

    /// <summary>Where the value that takes effect came from, in words.</summary>
    public string OriginOf(Setting setting)
    {
        var origin = _values[setting.Key].Origin;
        return setting.Moves && Get(SettingsTable.PortOffset) > 0 && _values[setting.Key].Value is int port and > 0
            ? $"{_values[SettingsTable.PortOffset.Key].Origin} (portOffset {Get(SettingsTable.PortOffset)} on {port}, {origin})"
            : origin.ToString();
    }

    private static ImmutableDictionary<string, SettingValue> WithDefaults(
        List<SettingValue> written,
        ConfigurationSources sources
    )
    {
        var values = ImmutableDictionary.CreateBuilder<string, SettingValue>();
        foreach (var value in written)
        {
            values[value.Setting.Key] = value; // layers come weakest first
        }

        var profile = values.TryGetValue(SettingsTable.Profile.Key, out var chosen)
            ? (Profile)chosen.Value!
            : Profile.AllInOne;
        var machine = new SettingDefaults(sources.HostName, sources.MayBindLowPorts, profile);
        foreach (var setting in SettingsTable.All.Where(s => !values.ContainsKey(s.Key)))
        {
            values[setting.Key] = new SettingValue(setting, setting.DefaultOn(machine), Origin.Default);
        }

        return values.ToImmutable();
    }

    private T Get<T>(Setting<T> setting) => (T)_values[setting.Key].Value!;

    private T Moved<T>(Setting<T> setting) => (T)Effective(setting)!;

    private NodeSettings Build() =>
        new()
        {
            Node = new NodeIdentitySettings
            {
                Name = Get(SettingsTable.Name),
                Profile = Get(SettingsTable.Profile),
                Advertise = Get(SettingsTable.Advertise),
                SubDomain = Get(SettingsTable.SubDomain),
                Hold = Get(SettingsTable.Hold),
                Environments = [.. Get(SettingsTable.Environments).Distinct(StringComparer.Ordinal)],
                Properties = Get(SettingsTable.Properties),
            },
            PortOffset = Get(SettingsTable.PortOffset),
            Listen = new ListenSettings
            {
                Gateway = new PublicPorts
                {
                    Bind = Get(SettingsTable.GatewayBind),
                    Http = Moved(SettingsTable.GatewayHttp),
                    Https = Moved(SettingsTable.GatewayHttps),
                    ClientCertificates = Get(SettingsTable.GatewayClientCertificates),
                },
                Management = new ManagementPorts
                {
                    Bind = Get(SettingsTable.ManagementBind),
                    Http = Moved(SettingsTable.ManagementHttp),
                    Https = Moved(SettingsTable.ManagementHttps),
                    Allow = Get(SettingsTable.ManagementAllow),
                },
                Balancer = new PublicPorts
                {
                    Bind = Get(SettingsTable.BalancerBind),
                    Http = Moved(SettingsTable.BalancerHttp),
                    Https = Moved(SettingsTable.BalancerHttps),
                    ClientCertificates = Get(SettingsTable.BalancerClientCertificates),
                },
                Internal = new PortSettings
                {
                    Bind = Get(SettingsTable.InternalBind),
                    Port = Moved(SettingsTable.InternalPort),
                },
                Health = new PortSettings
                {
                    Bind = Get(SettingsTable.HealthBind),
                    Port = Moved(SettingsTable.HealthPort),
                },
            },
            Hosts = new HostSettings
            {
                Gateway = Get(SettingsTable.GatewayHosts),
                Management = Get(SettingsTable.ManagementHosts),
            },
            PublicUrls = new PublicUrlSettings
            {
                GatewayHttp = Get(SettingsTable.PublicGatewayHttp),
                GatewayHttps = Get(SettingsTable.PublicGatewayHttps),
                Management = Get(SettingsTable.PublicManagement),
            },
            Cluster = new ClusterSettings
            {
                Enabled = Get(SettingsTable.ClusterEnabled),
                Domain = Get(SettingsTable.Domain),
                Scheme = Get(SettingsTable.Scheme),
                LocalMember = new LocalMemberSettings
                {
                    Host = Get(SettingsTable.LocalMemberHost),
                    Bind = Get(SettingsTable.LocalMemberBind),
                    Port = Get(SettingsTable.LocalMemberPort),
                    Increment = Get(SettingsTable.LocalMemberIncrement),
                },
                Members = Get(SettingsTable.Members),
                DnsName = Get(SettingsTable.DnsName),
                FailureDetection = Get(SettingsTable.Detection),
            },
            Database = new DatabaseSettings
            {
                Provider = Get(SettingsTable.DatabaseProduct),
                Host = Get(SettingsTable.DatabaseHost),
                Port = Get(SettingsTable.DatabasePort),
                Name = Get(SettingsTable.DatabaseName),
                User = Get(SettingsTable.DatabaseUser),
                Password = Get(SettingsTable.DatabasePassword),
                PasswordFile = Get(SettingsTable.DatabasePasswordFile),
                Tls = Get(SettingsTable.DatabaseTls),
                AuthorityFile = Get(SettingsTable.DatabaseAuthority),
                CertificateFile = Get(SettingsTable.DatabaseCertificate),
                KeyFile = Get(SettingsTable.DatabaseKey),
                Connections = Get(SettingsTable.DatabaseConnections),
                Migrate = Get(SettingsTable.DatabaseMigrate),
            },
            Oidc =
                Get(SettingsTable.OidcIssuer) is { } issuer && Get(SettingsTable.OidcClientId) is { } clientId
                    ? new OidcSettings
                    {
                        Issuer = issuer,
                        ClientId = clientId,
                        ClientSecret = Get(SettingsTable.OidcClientSecret),
                        ClientSecretFile = Get(SettingsTable.OidcClientSecretFile),
                        Name = Get(SettingsTable.OidcName),
                        Scopes = Get(SettingsTable.OidcScopes),
                        UserClaim = Get(SettingsTable.OidcUserClaim),
                        RoleClaim = Get(SettingsTable.OidcRoleClaim),
                        Roles = Get(SettingsTable.OidcRoles),
                        CreateUsers = Get(SettingsTable.OidcCreateUsers),
                        AuthorityFile = Get(SettingsTable.OidcAuthority),
                    }
                    : null,
            Tls = new TlsSettings
            {
                Certificates = Get(SettingsTable.Certificates),
                ClientAuthorities = Get(SettingsTable.ClientAuthorities),
            },
            Proxies = new ProxySettings { Trusted = Get(SettingsTable.TrustedProxies) },
            Transport = Get(SettingsTable.Transport),
            Plugins = Get(SettingsTable.Plugins),
            Timeouts = new TimeoutSettings
            {
                Drain = Get(SettingsTable.Drain),
                KeepAlive = Get(SettingsTable.KeepAlive),
                RequestHead = Get(SettingsTable.RequestHead),
                BodyGrace = Get(SettingsTable.BodyGrace),
                Handshake = Get(SettingsTable.Handshake),
                TunnelIdle = Get(SettingsTable.TunnelIdle),
            },
            Balancer = new BalancerSettings
            {
                ApiStickyCookie = Get(SettingsTable.ApiStickyCookie),
                Rules = new BalancingRules
                {
                    Algorithm = Get(SettingsTable.NodeAlgorithm),
                    Nodes = Get(SettingsTable.NodeShares),
                    Hosts = Get(SettingsTable.HostRules),
                },
                ProbeInterval = Get(SettingsTable.ProbeInterval),
                ReadTimeout = Get(SettingsTable.ReadTimeout),
                SendTimeout = Get(SettingsTable.SendTimeout),
            },
            Log = new LogSettings
            {
                Level = Get(SettingsTable.Level),
                Format = Get(SettingsTable.Format),
                Access = Get(SettingsTable.Access),
            },
            Analytics = new AnalyticsSettings
            {
                Enabled = Get(SettingsTable.Analytics),
                SpoolBytes = Get(SettingsTable.AnalyticsSpool),
                Retention = new(
                    Get(SettingsTable.UsageMinutes),
                    Get(SettingsTable.UsageHours),
                    Get(SettingsTable.UsageDays)
                ),
            },
            Limits = new LimitSettings
            {
                Connections = Get(SettingsTable.Connections),
                RequestHead = Get(SettingsTable.RequestHeadSize),
                BodyRate = Get(SettingsTable.BodyRate),
                StreamRate = Get(SettingsTable.StreamRate),
                Headers = Get(SettingsTable.HeaderCount),
                Requests = Get(SettingsTable.Requests),
                ConnectionsPerBackend = Get(SettingsTable.ConnectionsPerBackend),
                Counters = Get(SettingsTable.Counters),
                RateLimitHeaders = Get(SettingsTable.RateLimitHeaders),
            },
        };
}

/// <summary>One value with the place it was written.</summary>
internal sealed record SettingValue(Setting Setting, object? Value, Origin Origin)
{
    /// <summary>The value as it would be written.</summary>
    public JsonNode? Written => Setting.Write(Value);
}
