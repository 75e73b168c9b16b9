using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>
/// NGINX files, read into the load balancer's own configuration: its names, ports, certificates, time limits, how it chooses
/// nodes, and what it answers by itself. Addresses of nodes are not carried over, because nodes tell the balancer where they
/// are.
/// </summary>
internal sealed class NginxReader(ReadingLog log, ImmutableArray<string> managementHosts)
{
    private static readonly string[] s_managementWords =
    [
        "mgt",
        "mgmt",
        "manage",
        "admin",
        "console",
        "carbon",
        "publisher",
        "store",
        "devportal",
    ];
    private readonly NginxFindings _findings = new(log);
    private readonly NginxSettings _settings = new();
    private readonly NginxRates _rates = new();
    private readonly NginxHostRule _around = new(null, isExact: false);
    private readonly List<NginxVirtualHost> _hosts = [];
    private readonly Dictionary<string, NginxUse> _uses = new(StringComparer.Ordinal);
    private NginxUpstreamReader _upstreams = null!;
    private NginxServerReader _servers = null!;

    /// <summary>What the files say of the balancer: <c>*.conf</c> of the directory, or what its <c>nginx.conf</c> includes.</summary>
    public ImmutableArray<HomeSetting> Read(string directory)
    {
        if (!Directory.Exists(directory))
        {
            log.Problem(new Place(directory), "", "there is no such directory", "name the one with the .conf files");
            return [];
        }

        var parser = new NginxParser(directory, log);
        var main = Path.Combine(directory, "nginx.conf");
        string[] files = File.Exists(main)
            ? [main]
            :
            [
                .. Directory
                    .EnumerateFiles(directory)
                    .Where(f => Path.GetExtension(f) is ".conf" or "")
                    .Order(StringComparer.Ordinal),
            ];
        if (files.Length == 0)
        {
            log.Problem(
                new Place(directory),
                "",
                "no .conf file is in this directory",
                "name the one with nginx.conf or the vhosts"
            );
        }

        var directives = files.SelectMany(file => parser.ReadFile(file)).ToList();
        _upstreams = new(_findings, _settings);
        _servers = new(_findings, _settings, _rates, _around);
        LookAhead(directives);
        foreach (var directive in directives)
        {
            Read(directive, null);
        }

        Finish(new Place(directory));
        return _settings.ToImmutable();
    }

    private static IEnumerable<NginxDirective> All(IEnumerable<NginxDirective> directives) =>
        directives.SelectMany(d => d.HasBlock ? [d, .. All(d.Block)] : (IEnumerable<NginxDirective>)[d]);

    private NginxVirtualHost HostOf(NginxDirective server) => new(server, managementHosts, s_managementWords);

    // A zone may stand behind the servers that use it, and so may an upstream.
    private void LookAhead(List<NginxDirective> directives)
    {
        var all = All(directives).ToList();
        foreach (var zone in all.Where(d => d.Name == "limit_req_zone"))
        {
            _rates.Add(zone);
        }

        foreach (var used in all.Where(d => d.Name == "limit_req"))
        {
            _rates.Use(used);
        }

        foreach (var server in all.Where(d => d is { Name: "server", HasBlock: true }))
        {
            var use = HostOf(server).IsManagement ? NginxUse.Management : NginxUse.Apis;
            foreach (var pass in All(server.Block).Where(d => d is { Name: "proxy_pass", Arguments.Length: > 0 }))
            {
                var text = pass.Arguments[0];
                var from = text.IndexOf("://", StringComparison.Ordinal) is >= 0 and var at ? at + 3 : 0;
                var end = text.IndexOf('/', from);
                var name = end < 0 ? text[from..] : text[from..end];
                _uses[name] = _uses.GetValueOrDefault(name) | use;
            }
        }
    }

    private void Read(NginxDirective directive, NginxVirtualHost? host)
    {
        switch (directive)
        {
            case { Name: "upstream", HasBlock: true }:
                _upstreams.Read(directive, _uses.GetValueOrDefault(directive.Argument));
                break;
            case { Name: "server", HasBlock: true }
                when !directive.Context.StartsWith("stream", StringComparison.Ordinal):
                ReadServer(directive);
                break;
            case { Name: "location", HasBlock: true } when host is not null:
                ReadLocation(directive, host);
                break;
            case { Name: "if", HasBlock: true } when host is not null && _servers.TakeIf(directive, host):
                break;
            case { Name: "http" or "events", HasBlock: true }:
                foreach (var inner in directive.Block)
                {
                    Read(inner, host);
                }

                break;
            case { HasBlock: true }:
                _findings.Judge(directive);
                foreach (var inner in directive.Block)
                {
                    _findings.NeedsYou(inner, $"belongs to the {directive.Name} around it");
                }

                break;
            default:
                if (!_servers.Take(directive, host))
                {
                    _findings.Judge(directive);
                }

                break;
        }
    }

    private void ReadServer(NginxDirective server)
    {
        var host = HostOf(server);
        _hosts.Add(host);
        foreach (var inner in server.Block)
        {
            Read(inner, host);
        }

        _servers.Finish(host);
    }

    private void ReadLocation(NginxDirective location, NginxVirtualHost host)
    {
        var (outer, type) = (host.Current, host.ContentType);
        host.ContentType = NginxVirtualHost.TypeIn(location) ?? type;
        var rule = location.Arguments switch
        {
            ["/"] or ["^~", "/"] or ["~", ".*"] => host.Root,
            ["=", ['/', ..] exact] => host.Add(exact, isExact: true),
            [['/', ..] prefix] => host.Add(prefix, isExact: false),
            ["^~", ['/', ..] prefix] => host.Add(prefix, isExact: false),
            _ => null,
        };
        host.Current = rule;
        host.HasRootLocation |= rule == host.Root;
        host.IsClosed = false;
        if (rule is null)
        {
            host.HasOddLocation = true;
            _findings.NeedsYou(
                location,
                "a path is what a call begins with, or all of it: write the rule into balancer.hosts, or keep NGINX for what is no API"
            );
        }
        else if (location.Block.Any(d => d is { Name: "deny", Arguments: ["all"] }))
        {
            host.IsClosed = !location.Block.Any(d => d.Name == "allow");
        }

        foreach (var inner in location.Block)
        {
            Read(inner, host);
        }

        (host.Current, host.ContentType) = (outer, type);
        host.IsClosed = false;
        if (rule is not null && rule != host.Root)
        {
            host.Locations.Add((location, rule));
        }
    }

    // What a location comes to is known when its server is.
    private void Tell(NginxVirtualHost host)
    {
        foreach (var (location, rule) in host.Locations)
        {
            if (!rule.IsEmpty)
            {
                _findings.Converted(location, "balancer.hosts");
            }
            else if (host.IsManagement)
            {
                _findings.NotNeeded(
                    location,
                    "console and portals have paths of their own: all paths of this name lead to them"
                );
            }
            else
            {
                _findings.NotNeeded(location, "its calls go the way of all others");
            }
        }
    }

    private void Finish(Place place)
    {
        _upstreams.Finish(place);
        var sections = new JsonArray();
        var around = !_around.IsEmpty;
        foreach (var host in _hosts)
        {
            if (around)
            {
                host.Root.Inherit(_around);
            }

            host.Close();
            Tell(host);
        }

        // Rules without names are for names that have none: a server that only passes on must have one then.
        var open = _hosts.Any(h => h.Names.Length == 0 && !h.IsEmpty);
        foreach (var host in _hosts.Where(h => !h.IsEmpty || (open && h.Names.Length > 0)))
        {
            foreach (var section in host.ToJson())
            {
                sections.Add((JsonNode)section);
            }
        }

        if (sections.Count > 0)
        {
            _settings.Set("balancer.hosts", new HomeValue.Tree(sections), place);
        }
    }
}
