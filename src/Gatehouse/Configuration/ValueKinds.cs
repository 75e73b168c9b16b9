using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Gatehouse.Cli;
using Gatehouse.Cluster;
using Gatehouse.Deployment.Trust;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Configuration;

/// <summary>Every kind of value a setting may have.</summary>
internal static partial class ValueKinds
{
    private static readonly (LogLevel Level, string Name)[] s_levels =
    [
        (Microsoft.Extensions.Logging.LogLevel.Trace, "trace"),
        (Microsoft.Extensions.Logging.LogLevel.Debug, "debug"),
        (Microsoft.Extensions.Logging.LogLevel.Information, "information"),
        (Microsoft.Extensions.Logging.LogLevel.Warning, "warning"),
        (Microsoft.Extensions.Logging.LogLevel.Error, "error"),
        (Microsoft.Extensions.Logging.LogLevel.Critical, "critical"),
    ];

    private static readonly string[] s_databaseTls = ["off", "require", "verify-ca", "verify-full"];

    /// <summary>Both families where the machine has both.</summary>
    public static IPAddress AnyAddress { get; } = Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;

    public static ValueKind<bool> Boolean { get; } =
        new ScalarKind<bool>(
            "boolean",
            "write true or false",
            s =>
                s.Text switch
                {
                    "true" or "True" or "TRUE" => true,
                    "false" or "False" or "FALSE" => false,
                    _ => Not<bool>(s, "true or false"),
                },
            v => v,
            () => new() { ["type"] = "boolean" }
        );

    public static ValueKind<string> NodeName { get; } =
        new ScalarKind<string>(
            "node name",
            "use 1 to 63 lower-case letters, digits, dots and dashes, beginning and ending with a letter or digit",
            s => NodeNames.IsValid(s.Text) ? s.Text : Not<string>(s, "a node name"),
            v => v,
            () => new() { ["type"] = "string", ["pattern"] = "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$" }
        );

    public static ValueKind<string> Label { get; } =
        new ScalarKind<string>(
            "text",
            "write a short name such as wso2.am.domain",
            s => s.Text.Length is > 0 and <= 200 && !s.Text.Any(char.IsControl) ? s.Text : Not<string>(s, "a name"),
            v => v,
            () =>
                new()
                {
                    ["type"] = "string",
                    ["minLength"] = 1,
                    ["maxLength"] = 200,
                }
        );

    public static ValueKind<Profile> Profile { get; } =
        new ScalarKind<Profile>(
            "profile",
            $"write one of {string.Join(", ", Profiles.Names)}",
            s =>
                Profiles.TryParse(s.Text, out var profile)
                    ? profile
                    : NotOneOf<Profile>(s, "a profile", Profiles.Names),
            v => v.Name(),
            () => OneOf(Profiles.Names)
        );

    public static ValueKind<string> Host { get; } =
        new ScalarKind<string>(
            "host",
            "write a host name or an IP address, without port or scheme",
            s => HostPort.IsHost(s.Text) ? s.Text.ToLowerInvariant() : Not<string>(s, "a host name or address"),
            v => v,
            () => new() { ["type"] = "string", ["minLength"] = 1 }
        );

    public static ValueKind<string> Url { get; } =
        new ScalarKind<string>(
            "URL",
            "write it like https://am.example.com, without user, query or fragment",
            s =>
                Uri.TryCreate(s.Text, UriKind.Absolute, out var url)
                && url is { Scheme: "http" or "https", UserInfo: "", Query: "", Fragment: "" }
                    ? url.GetLeftPart(UriPartial.Path).TrimEnd('/')
                    : Not<string>(s, "an http or https URL"),
            v => v,
            () => new() { ["type"] = "string", ["pattern"] = "^https?://" }
        );

    public static ValueKind<IPAddress> Bind { get; } =
        new ScalarKind<IPAddress>(
            "address",
            "write an IP address of this machine, or '*' for all",
            s =>
                s.Text == "*" ? AnyAddress
                : Address(s.Text) is { } address ? address
                : Not<IPAddress>(s, "an address"),
            v => v.Equals(AnyAddress) ? "*" : v.ToString(),
            () => new() { ["type"] = "string", ["minLength"] = 1 }
        );

    public static ValueKind<int?> PortOrOff { get; } =
        new ScalarKind<int?>(
            "port or off",
            "write a number from 0 to 65535 (0 takes any free one), or off",
            s => s.Text == "off" ? new Parsed<int?>(null) : Port(s) ?? Not<int?>(s, "a port"),
            v => v is { } port ? port : "off",
            () => new() { ["anyOf"] = new JsonArray(Number(0, 65535), new JsonObject { ["const"] = "off" }) }
        );

    public static ValueKind<int> PortNumber { get; } =
        new ScalarKind<int>(
            "port",
            "write a number from 0 to 65535 (0 takes any free one)",
            s => Port(s) is { } port ? port : Not<int>(s, "a port"),
            v => v,
            () => Number(0, 65535)
        );

    public static ValueKind<int> Offset { get; } =
        new ScalarKind<int>(
            "number",
            "write a number from 0 to 50000",
            s => Whole(s.Text) is >= 0 and <= 50_000 and { } n ? (int)n : Not<int>(s, "a port offset"),
            v => v,
            () => Number(0, 50_000)
        );

    public static ValueKind<int> Count { get; } =
        new ScalarKind<int>(
            "number",
            "write a number from 1 to 1000000",
            s => Whole(s.Text) is >= 1 and <= 1_000_000 and { } n ? (int)n : Not<int>(s, "a count"),
            v => v,
            () => Number(1, 1_000_000)
        );

    public static ValueKind<int> Size { get; } =
        new ScalarKind<int>(
            "size",
            "write a number of bytes, or one with KiB or MiB such as 32KiB",
            s => ParseSize(s.Text) is { } bytes ? bytes : Not<int>(s, "a size"),
            v =>
                v % (1 << 20) == 0 && v > 0 ? $"{v >> 20}MiB"
                : v % 1024 == 0 && v > 0 ? $"{v >> 10}KiB"
                : v,
            () =>
                new()
                {
                    ["anyOf"] = new JsonArray(
                        Number(1, int.MaxValue),
                        new JsonObject { ["type"] = "string", ["pattern"] = "^[0-9]+(KiB|MiB)?$" }
                    ),
                }
        );

    public static ValueKind<int> Rate { get; } =
        new ScalarKind<int>(
            "bytes a second",
            "write a number of bytes a second, or one with KiB or MiB such as 1KiB; 0 for none",
            s =>
                s.Text == "0" ? 0
                : ParseSize(s.Text) is { } bytes ? bytes
                : Not<int>(s, "a rate"),
            v => v == 0 ? 0 : Size!.Write(v),
            () =>
                new()
                {
                    ["anyOf"] = new JsonArray(
                        Number(0, int.MaxValue),
                        new JsonObject { ["type"] = "string", ["pattern"] = "^[0-9]+(KiB|MiB)?$" }
                    ),
                }
        );

    public static ValueKind<TimeSpan> Duration { get; } =
        new ScalarKind<TimeSpan>(
            "duration",
            "write a number with a unit: 500ms, 30s, 5m or 1h",
            s => ParseDuration(s.Text) is { } time ? time : Not<TimeSpan>(s, "a duration"),
            v => WriteDuration(v),
            () => new() { ["type"] = "string", ["pattern"] = "^[1-9][0-9]*(ms|s|m|h)$" }
        );

    /// <summary>How long figures are kept.</summary>
    public static ValueKind<TimeSpan> Age { get; } =
        new ScalarKind<TimeSpan>(
            "age",
            "write hours or days, at most 3650d: 36h or 90d",
            s => ParseAge(s.Text) is { } age ? age : Not<TimeSpan>(s, "an age"),
            v => v.Hours == 0 ? $"{(int)v.TotalDays}d" : $"{(int)v.TotalHours}h",
            () => new() { ["type"] = "string", ["pattern"] = "^[1-9][0-9]*(h|d)$" }
        );

    public static ValueKind<IPNetwork> Network { get; } =
        new ScalarKind<IPNetwork>(
            "network",
            "write it like 10.0.0.0/8, or one address such as 10.0.0.5",
            ParseNetwork,
            v => v.ToString(),
            () => new() { ["type"] = "string", ["pattern"] = "^[0-9a-fA-F.:]+(/[0-9]{1,3})?$" }
        );

    public static ValueKind<MembershipScheme> Scheme { get; } =
        new ScalarKind<MembershipScheme>(
            "wka or dns",
            "write wka or dns",
            s =>
                MembershipSettingsValidator.ReadScheme(s.Text) is (null, { } problem)
                    ? new Parsed<MembershipScheme>(default, problem.Message, problem.Fix)
                    : MembershipSettingsValidator.ReadScheme(s.Text).Scheme!.Value,
            v => v == MembershipScheme.Dns ? "dns" : "wka",
            () => OneOf(["wka", "dns"])
        );

    public static ValueKind<WellKnownMember> Member { get; } =
        new ScalarKind<WellKnownMember>(
            "member",
            "write host:port, an address, or a range over the last octet such as 192.168.1.2-10:4000",
            ParseMember,
            v => v.HostPattern.Contains(':') ? $"[{v.HostPattern}]:{v.Port}" : $"{v.HostPattern}:{v.Port}",
            () => new() { ["type"] = "string", ["minLength"] = 1 }
        );

    public static ValueKind<FailureDetection> Detection { get; } = Enumeration<FailureDetection>("lan or wan");

    public static ValueKind<ClientCertificates> ClientCertificates { get; } =
        Enumeration<ClientCertificates>("auto, off, optional or required");

    // A balancer is fed no API, so it cannot know which names have one that takes certificates.
    public static ValueKind<ClientCertificates> BalancerClientCertificates { get; } =
        Enumeration<ClientCertificates>(
            "off, optional or required",
            Configuration.ClientCertificates.Off,
            Configuration.ClientCertificates.Optional,
            Configuration.ClientCertificates.Required
        );

    public static ValueKind<TransportChoice> TransportChoice { get; } =
        Enumeration<TransportChoice>("auto, loops or sockets");

    public static ValueKind<RateLimitHeaderForm> RateLimitHeaders { get; } =
        Enumeration<RateLimitHeaderForm>("standard, both or none");

    public static ValueKind<LogFormat> LogFormat { get; } = Enumeration<LogFormat>("text or json");

    public static ValueKind<LogLevel> LogLevel { get; } =
        new ScalarKind<LogLevel>(
            "log level",
            "write one of trace, debug, information, warning, error, critical",
            s =>
                Array.Find(s_levels, l => l.Name.Equals(s.Text, StringComparison.OrdinalIgnoreCase))
                    is { Name: not null } level
                    ? level.Level
                    : NotOneOf<LogLevel>(s, "a log level", s_levels.Select(l => l.Name)),
            v => Array.Find(s_levels, l => l.Level == v).Name,
            () => OneOf(s_levels.Select(l => l.Name))
        );

    public static ValueKind<AccessLogSettings> AccessLog { get; } =
        new ScalarKind<AccessLogSettings>(
            "off, stdout or a file",
            "write off, stdout, or the path of a file",
            s =>
                s.Text switch
                {
                    "off" => new AccessLogSettings(AccessLogKind.Off),
                    "stdout" => new AccessLogSettings(AccessLogKind.Stdout),
                    "" => Not<AccessLogSettings>(s, "a place for the access log"),
                    _ => new AccessLogSettings(AccessLogKind.File, BesideTheFile(s.Text, s.Origin)),
                },
            v => v.File ?? (v.Kind == AccessLogKind.Off ? "off" : "stdout"),
            () => new() { ["type"] = "string", ["minLength"] = 1 }
        );

    public static ValueKind<string> CookieName { get; } =
        new ScalarKind<string>(
            "cookie name",
            "use letters, digits, '-', '_' and '.'",
            s => CookiePattern().IsMatch(s.Text) ? s.Text : Not<string>(s, "a cookie name"),
            v => v,
            () => new() { ["type"] = "string", ["pattern"] = "^[A-Za-z0-9_.-]{1,64}$" }
        );

    public static ValueKind<DatabaseProvider> DatabaseProvider { get; } =
        Enumeration<DatabaseProvider>("sqlite or postgresql");

    public static ValueKind<DatabaseTls?> DatabaseTls { get; } =
        new ScalarKind<DatabaseTls?>(
            "off, require, verify-ca or verify-full",
            "write off, require, verify-ca or verify-full",
            s =>
                Array.FindIndex(s_databaseTls, name => name == s.Text) is >= 0 and var index
                    ? (DatabaseTls)index
                    : NotOneOf<DatabaseTls?>(s, "a protection of the connection", s_databaseTls),
            v => v is { } tls ? s_databaseTls[(int)tls] : null,
            () => OneOf(s_databaseTls)
        );

    public static ValueKind<string> DatabaseHost { get; } =
        new ScalarKind<string>(
            "host or socket directory",
            "write a host name, an IP address, or the absolute path of a socket's directory",
            s =>
                s.Text.StartsWith('/') ? s.Text
                : HostPort.IsHost(s.Text) ? s.Text.ToLowerInvariant()
                : Not<string>(s, "a host name or address"),
            v => v,
            () => new() { ["type"] = "string", ["minLength"] = 1 }
        );

    /// <summary>Absolute; a relative one in a file is relative to the file.</summary>
    public static ValueKind<string> Path { get; } =
        new ScalarKind<string>(
            "file",
            "write the path of a file",
            s => s.Text.Length > 0 ? BesideTheFile(s.Text, s.Origin) : Not<string>(s, "the path of a file"),
            v => v,
            () => new() { ["type"] = "string", ["minLength"] = 1 }
        );

    /// <summary>Taken from the environment only, and never written back.</summary>
    public static ValueKind<string> Secret { get; } =
        new ScalarKind<string>(
            "secret",
            "put it into a file that only the node's user can read, or into the environment",
            s =>
                s.Origin.Kind != OriginKind.Environment
                    ? new Parsed<string>(null, "a secret does not belong here: others can read it")
                : s.Text.Length > 0 ? s.Text
                : new Parsed<string>(null, "an empty text is no secret"),
            _ => "***",
            () => new() { ["type"] = "null" }
        );

    public static ValueKind<ImmutableArray<string>> Hosts { get; } =
        new ListKind<string>("list of hosts", "write a list: [am.example.com]", Host);

    public static ValueKind<ImmutableArray<string>> Labels { get; } =
        new ListKind<string>("list of texts", "write a list: [openid, profile]", Label);

    /// <summary>Names that a certificate is for: also all of one level below a name.</summary>
    public static ValueKind<ImmutableArray<string>> CertificateHosts { get; } =
        new ListKind<string>(
            "list of hosts",
            "write a list: [am.example.com, '*.apis.example.com']",
            new ScalarKind<string>(
                "host",
                "write a host name, an IP address, or '*.' before a name for all of one level below it",
                s =>
                    HostPort.IsHost(s.Text.StartsWith("*.", StringComparison.Ordinal) ? s.Text[2..] : s.Text)
                        ? s.Text.ToLowerInvariant()
                        : Not<string>(s, "a host name or address"),
                v => v,
                () => new() { ["type"] = "string", ["minLength"] = 1 }
            )
        );

    public static ValueKind<ImmutableArray<string>> Environments { get; } =
        new ListKind<string>(
            "list of environments",
            "write a list: [staging]",
            new ScalarKind<string>(
                "environment",
                $"use 1 to {GatewayEnvironment.LongestName} lower-case letters, digits and dashes",
                s => GatewayEnvironment.IsName(s.Text) ? s.Text : Not<string>(s, "the name of an environment"),
                v => v,
                () => new() { ["type"] = "string", ["pattern"] = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" }
            )
        );

    public static ValueKind<ImmutableArray<IPNetwork>> Networks { get; } =
        new ListKind<IPNetwork>("list of networks", "write a list: [10.0.0.0/8]", Network);

    public static ValueKind<ImmutableArray<WellKnownMember>> Members { get; } =
        new ListKind<WellKnownMember>("list of members", "write a list: [10.0.0.3:4000, 10.0.0.4:4000]", Member);

    public static ValueKind<NodeChoice> NodeChoice { get; } =
        new ScalarKind<NodeChoice>(
            "algorithm",
            Gateway.NodeChoice.Form,
            s => Gateway.NodeChoice.Parse(s.Text) is { } choice ? choice : Not<NodeChoice>(s, "an algorithm"),
            v => v.ToString(),
            () =>
                new()
                {
                    ["type"] = "string",
                    ["pattern"] =
                        "^(least-requests|round-robin|power-of-two|hash-ip|hash-uri|hash-header:.+|hash-cookie:.+)$",
                }
        );

    public static ValueKind<ImmutableArray<NodeShare>> NodeShares { get; } =
        new ListKind<NodeShare>("list of nodes", "write a list: [{ node: w1, weight: 3 }]", new NodeShareKind());

    public static ValueKind<ImmutableArray<HostRule>> HostRules { get; } =
        new ListKind<HostRule>("list of host rules", "write a list: [{ hosts: [am.example.com] }]", new HostRuleKind());

    public static ValueKind<ImmutableArray<CertificateSettings>> Certificates { get; } =
        new ListKind<CertificateSettings>(
            "list of certificates",
            "write a list: [{ cert: am.pem, key: am.key }]",
            new CertificateKind()
        );

    /// <summary>A kind that may also be left out.</summary>
    public static ValueKind<T?> Optional<T>(ValueKind<T> kind)
        where T : class => new OptionalKind<T>(kind);

    /// <summary>A relative path in a file is relative to the file.</summary>
    public static string BesideTheFile(string path, Origin origin) =>
        origin.Kind == OriginKind.File
            ? System.IO.Path.GetFullPath(
                path,
                System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(origin.Source))!
            )
            : System.IO.Path.GetFullPath(path);

    private static ScalarKind<T> Enumeration<T>(string name, params T[] allowed)
        where T : struct, Enum
    {
        var names = (allowed.Length > 0 ? allowed : Enum.GetValues<T>())
            .Select(value => value.ToString().ToLowerInvariant())
            .ToArray();
        return new ScalarKind<T>(
            name,
            $"write {name}",
            s =>
                names.Contains(s.Text) && Enum.TryParse<T>(s.Text, ignoreCase: true, out var value)
                    ? value
                    : NotOneOf<T>(s, name, names),
            v => v.ToString().ToLowerInvariant(),
            () => OneOf(names)
        );
    }

    private static Parsed<T> Not<T>(ConfigScalar scalar, string what) =>
        new(
            default,
            scalar.Text.Length == 0 ? $"an empty text is not {what}" : $"'{Short(scalar.Text)}' is not {what}"
        );

    private static Parsed<T> NotOneOf<T>(ConfigScalar scalar, string what, IEnumerable<string> names) =>
        NearestName.Of(scalar.Text, names) is { } nearest
            ? new(
                default,
                $"'{Short(scalar.Text)}' is not {what}",
                $"did you mean '{nearest}'? One of {string.Join(", ", names)}"
            )
            : Not<T>(scalar, what);

    private static string Short(string text) => text.Length <= 60 ? text : $"{text[..57]}...";

    private static JsonObject OneOf(IEnumerable<string> names) =>
        new() { ["enum"] = new JsonArray([.. names.Select(n => (JsonNode)n)]) };

    private static JsonObject Number(int from, int to) =>
        new()
        {
            ["type"] = "integer",
            ["minimum"] = from,
            ["maximum"] = to,
        };

    private static long? Whole(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : null;

    private static int? Port(ConfigScalar scalar) =>
        Whole(scalar.Text) is >= 0 and <= 65535 and { } port ? (int)port : null;

    // "1.2" and "80" are addresses to the runtime, but nobody means them as such.
    private static IPAddress? Address(string text) =>
        IPAddress.TryParse(text.Trim('[', ']'), out var address)
        && (text.Contains(':') || text.Count(c => c == '.') == 3)
            ? address
            : null;

    private static int? ParseSize(string text)
    {
        var (digits, factor) =
            text.EndsWith("KiB", StringComparison.Ordinal) ? (text[..^3], 1024L)
            : text.EndsWith("MiB", StringComparison.Ordinal) ? (text[..^3], 1024L * 1024)
            : (text, 1L);
        return Whole(digits.TrimEnd()) is { } n && n is > 0 and <= int.MaxValue && n * factor <= int.MaxValue
            ? (int)(n * factor)
            : null;
    }

    private static TimeSpan? ParseDuration(string text)
    {
        if (DurationPattern().Match(text) is not { Success: true } match || Whole(match.Groups[1].Value) is not { } n)
        {
            return null;
        }

        var milliseconds = match.Groups[2].Value switch
        {
            "ms" => 1L,
            "s" => 1_000L,
            "m" => 60_000L,
            _ => 3_600_000L,
        };
        // A day is longer than any timeout that is meant as one, and keeps timers within their range.
        return n is > 0 and <= 86_400_000 && n * milliseconds <= 86_400_000
            ? TimeSpan.FromMilliseconds(n * milliseconds)
            : null;
    }

    private static TimeSpan? ParseAge(string text)
    {
        const int MostHours = 3650 * 24;
        if (
            text.Length < 2
            || text[^1] is not ('h' or 'd')
            || Whole(text[..^1]) is not { } n
            || n is <= 0 or > MostHours
        )
        {
            return null;
        }

        var hours = text[^1] == 'h' ? n : n * 24L;
        return hours <= MostHours ? TimeSpan.FromHours(hours) : null;
    }

    private static string WriteDuration(TimeSpan time)
    {
        var milliseconds = (long)time.TotalMilliseconds;
        return milliseconds switch
        {
            _ when milliseconds % 3_600_000 == 0 => $"{milliseconds / 3_600_000}h",
            _ when milliseconds % 60_000 == 0 => $"{milliseconds / 60_000}m",
            _ when milliseconds % 1_000 == 0 => $"{milliseconds / 1_000}s",
            _ => $"{milliseconds}ms",
        };
    }

    private static Parsed<IPNetwork> ParseNetwork(ConfigScalar scalar)
    {
        var slash = scalar.Text.IndexOf('/');
        var host = slash < 0 ? scalar.Text : scalar.Text[..slash];
        if (Address(host) is not { } address)
        {
            return Not<IPNetwork>(scalar, "a network");
        }

        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = slash < 0 ? bits : Whole(scalar.Text[(slash + 1)..]);
        if (length is not { } prefix || prefix < 0 || prefix > bits)
        {
            return new(default, $"'{scalar.Text}' is not a network", $"the number after '/' is from 0 to {bits}");
        }

        var bytes = address.GetAddressBytes();
        for (var bit = (int)prefix; bit < bits; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        var network = new IPAddress(bytes);
        return network.Equals(address)
            ? new Parsed<IPNetwork>(new IPNetwork(network, (int)prefix))
            : new Parsed<IPNetwork>(
                default,
                $"'{scalar.Text}' has bits set after its first {prefix}",
                $"write {network}/{prefix}, or {address} for that one address"
            );
    }

    private static Parsed<WellKnownMember> ParseMember(ConfigScalar scalar)
    {
        const int DefaultPort = 4000;
        var text = scalar.Text.Trim();
        var colon = text.LastIndexOf(':');
        var hasPort = colon > 0 && (text[colon - 1] == ']' || text.IndexOf(':') == colon);
        var host = (hasPort ? text[..colon] : text).Trim('[', ']');
        var port = hasPort ? Whole(text[(colon + 1)..]) : DefaultPort;
        if (port is not (>= 1 and <= 65535))
        {
            return new(
                default,
                $"'{text[(colon + 1)..]}' is not a port",
                "write a number from 1 to 65535 after the ':'"
            );
        }

        var member = new WellKnownMember(host, (int)port, scalar.Origin.Source, scalar.Origin.Line);
        var (_, problems) = WellKnownMembers.Expand([member]);
        return problems.IsEmpty ? member : new Parsed<WellKnownMember>(null, problems[0].Message, problems[0].Fix);
    }

    [GeneratedRegex(@"\A([0-9]{1,9})(ms|s|m|h)\z")]
    private static partial Regex DurationPattern();

    [GeneratedRegex(@"\A[A-Za-z0-9_.-]{1,64}\z")]
    private static partial Regex CookiePattern();

    private sealed class OptionalKind<T>(ValueKind<T> kind) : ValueKind<T?>
        where T : class
    {
        public override string Name => kind.Name;

        public override bool IsScalar => kind.IsScalar;

        public override bool TryRead(ConfigNode node, string key, ICollection<Problem> problems, out T? value)
        {
            var read = kind.TryRead(node, key, problems, out var inner);
            value = inner;
            return read;
        }

        public override JsonNode? Write(T? value) => value is null ? null : kind.Write(value);

        public override JsonObject Schema() => kind.Schema();
    }
}
