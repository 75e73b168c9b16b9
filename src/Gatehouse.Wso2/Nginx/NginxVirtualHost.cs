using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>One <c>server</c> block while it is read.</summary>
internal sealed class NginxVirtualHost
{
    private readonly bool _sslOn;
    private readonly List<NginxHostRule> _rules = [];
    private readonly string? _scheme;

    public NginxVirtualHost(NginxDirective server, ImmutableArray<string> managementHosts, string[] managementWords)
    {
        _sslOn = server.Block.Any(d => d is { Name: "ssl", Arguments: ["on"] });
        var names = server.Block.Where(d => d.Name == "server_name").SelectMany(d => d.Arguments).ToList();
        Names = [.. names.Where(IsWhole).Select(n => n.ToLowerInvariant()).Distinct()];
        IsManagement =
            names.Exists(n => managementHosts.Contains(n, StringComparer.OrdinalIgnoreCase))
            || names.Exists(n =>
                n.Split('.', '-').Any(part => managementWords.Contains(part, StringComparer.OrdinalIgnoreCase))
            );
        var tls = server.Block.Where(d => d.Name == "listen").Select(IsTls).Distinct().ToList();
        _scheme = tls is [var only]
            ? only
                ? "https"
                : "http"
            : tls.Count == 0
                ? _sslOn
                    ? "https"
                    : "http"
                : null;
        ContentType = TypeIn(server);
        IsOnlyAnswer = server.Block.Any(d => d.Name == "return");
        Root = Current = new(null, isExact: false);
        _rules.Add(Root);
    }

    /// <summary>For console and portals, by its name.</summary>
    public bool IsManagement { get; }

    /// <summary>Its names, in lower case, but those that stand for others.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>What is done for all of it, and for <c>location /</c>.</summary>
    public NginxHostRule Root { get; }

    /// <summary>What is being read: the server's or a location's; null in a location that is not carried over.</summary>
    public NginxHostRule? Current { get; set; }

    /// <summary>Everybody is denied where it is being read.</summary>
    public bool IsClosed { get; set; }

    /// <summary>It answers every call by itself, so that its names need lead to no node.</summary>
    public bool IsOnlyAnswer { get; }

    /// <summary>Its locations but <c>/</c>, with what each comes to.</summary>
    public List<(NginxDirective Location, NginxHostRule Rule)> Locations { get; } = [];

    public bool HasRootLocation { get; set; }

    public bool HasOddLocation { get; set; }

    /// <summary>The <c>default_type</c> of what is being read; null for NGINX's own.</summary>
    public string? ContentType { get; set; }

    public NginxDirective? Certificate { get; set; }

    public NginxDirective? Key { get; set; }

    public bool IsEmpty => _rules.TrueForAll(r => r.IsEmpty);

    /// <summary>A name that stands for itself alone.</summary>
    public static bool IsWhole(string name) =>
        name is not ("_" or "" or "localhost")
        && !name.AsSpan().ContainsAny('*', '~')
        && Uri.CheckHostName(name) != UriHostNameType.Unknown;

    /// <summary>The <c>default_type</c> of a block.</summary>
    public static string? TypeIn(NginxDirective block) =>
        block.Block.FirstOrDefault(d => d.Name == "default_type")?.Argument;

    /// <summary>Whether a <c>listen</c> of it speaks TLS.</summary>
    public bool IsTls(NginxDirective listen) =>
        _sslOn || listen.Arguments.Contains("ssl") || listen.Arguments.Contains("quic");

    public NginxHostRule Add(string? path, bool isExact, string[]? hosts = null, string? scheme = null)
    {
        var rule = new NginxHostRule(path, isExact) { Hosts = hosts, Scheme = scheme };
        _rules.Add(rule);
        return rule;
    }

    /// <summary>All of it was read: what passes although the rest does not is told apart.</summary>
    public void Close()
    {
        // Locations that pass and no other: NGINX answers 404 beside them.
        if (
            !IsManagement
            && !HasRootLocation
            && !HasOddLocation
            && Root is { Return: null, Passes: false }
            && _rules.Exists(r => r.Passes)
        )
        {
            Root.Return = new JsonObject { ["status"] = 404 };
        }

        if (Root.Return is not null)
        {
            foreach (var rule in _rules.Where(r => r is { Path: not null, Passes: true, Return: null }))
            {
                rule.Return = "off";
            }
        }
    }

    /// <summary>Its rules as sections of <c>balancer.hosts</c>; one that says nothing when none does anything.</summary>
    public IEnumerable<JsonObject> ToJson()
    {
        var rules = _rules.Where(r => !r.IsEmpty).ToList();
        return (rules.Count > 0 ? rules : [Root]).SelectMany(r => r.ToJson(Names, _scheme));
    }
}
