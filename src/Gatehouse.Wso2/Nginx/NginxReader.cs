using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace Gatehouse.Wso2;

/// <summary>
/// NGINX files, read into the load balancer's own configuration: its names, ports, certificates and time limits. Addresses of
/// nodes are not carried over, because nodes tell the balancer themselves where they are.
/// </summary>
internal sealed class NginxReader(ReadingLog log, ImmutableArray<string> managementHosts)
{
    private static readonly HashSet<string> s_blocks = ["http", "events", "upstream", "server", "location"];
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
    private readonly NginxSettings _settings = new();
    private readonly HashSet<string> _upstreams = new(StringComparer.Ordinal);

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
        foreach (var upstream in All(directives).Where(d => d is { Name: "upstream", Arguments.Length: 1 }))
        {
            _upstreams.Add(upstream.Arguments[0]);
        }

        foreach (var directive in directives)
        {
            Read(directive, null);
        }

        return _settings.ToImmutable();
    }

    private static IEnumerable<NginxDirective> All(IEnumerable<NginxDirective> directives) =>
        directives.SelectMany(d => d.HasBlock ? [d, .. All(d.Block)] : (IEnumerable<NginxDirective>)[d]);

    private void Read(NginxDirective directive, NginxVirtualHost? host)
    {
        if (directive.HasBlock && s_blocks.Contains(directive.Name))
        {
            ReadBlock(directive, host);
            return;
        }

        if (directive.HasBlock)
        {
            Judge(directive, NginxVerdicts.Of(directive.Name));
            foreach (var inner in directive.Block)
            {
                Tell(Outcome.NeedsYou, inner, null, $"belongs to the {directive.Name} around it");
            }

            return;
        }

        if (!Take(directive, host))
        {
            Judge(directive, NginxVerdicts.Of(directive.Name));
        }
    }

    private void ReadBlock(NginxDirective block, NginxVirtualHost? host)
    {
        switch (block.Name)
        {
            case "server":
                host = new NginxVirtualHost(block, managementHosts, s_managementWords);
                break;
            case "location" when block.Arguments is not (["/"] or ["^~", "/"] or ["~", ".*"]):
                Tell(
                    Outcome.NeedsYou,
                    block,
                    null,
                    "the balancer passes every path on: the path belongs to an API's context, or to a proxy in front"
                );
                break;
            case "upstream":
                Tell(
                    Outcome.NotNeeded,
                    block,
                    null,
                    "the nodes are the upstream; they tell the balancer where they are"
                );
                break;
            default:
                break;
        }

        foreach (var inner in block.Block)
        {
            Read(inner, host);
        }

        if (block.Name == "server" && host!.Certificate is { } certificate)
        {
            TakeCertificate(host, certificate);
        }
    }

    // True when the directive had its line.
    private bool Take(NginxDirective d, NginxVirtualHost? host) =>
        d.Context.Split('/')[^1] switch
        {
            "upstream" => TakeOfUpstream(d),
            "server" or "location" when host is not null => TakeOfServer(d, host),
            _ => TakeAnywhere(d),
        };

    private bool TakeOfUpstream(NginxDirective d)
    {
        switch (d.Name)
        {
            case "server":
                TakeMember(d);
                return true;
            case "sticky" when d.Arguments is [] or ["cookie", ..] || d.Arguments.All(a => a.Contains('=')):
                _settings.Set("balancer.apiStickyCookie", new HomeValue.Text("GATEHOUSE-API"), d.Place);
                Tell(
                    Outcome.Converted,
                    d,
                    "balancer.apiStickyCookie",
                    "under a name of its own: JSESSIONID is the backends'. API calls rarely need it; without it they spread better"
                );
                return true;
            case "sticky":
                Tell(Outcome.NeedsYou, d, null, "sticks by the balancer's own cookie only: balancer.apiStickyCookie");
                return true;
            case "ip_hash" or "hash":
                Tell(
                    Outcome.NeedsYou,
                    d,
                    null,
                    "nodes are chosen by the fewest requests; to keep a caller on one: balancer.apiStickyCookie"
                );
                return true;
            default:
                return false;
        }
    }

    private void TakeMember(NginxDirective d)
    {
        var needs = new List<string>();
        foreach (var parameter in d.Arguments.Skip(1))
        {
            if (parameter == "backup")
            {
                needs.Add("every registered node takes requests; keep a spare drained: gatehouse node drain NODE");
            }
            else if (parameter == "down")
            {
                needs.Add("keep it drained: gatehouse node drain NODE");
            }
            else if (parameter.StartsWith("weight=", StringComparison.Ordinal) && parameter != "weight=1")
            {
                needs.Add("nodes have no weights: a slower one has fewer requests in flight, so it gets fewer");
            }
        }

        if (needs.Count > 0)
        {
            Tell(Outcome.NeedsYou, d, null, string.Join("; ", needs));
        }
        else if (d.Argument.StartsWith("unix:", StringComparison.Ordinal))
        {
            Tell(Outcome.NeedsYou, d, null, "nodes are reached over the network only");
        }
        else
        {
            Tell(
                Outcome.Converted,
                d,
                "the registered nodes",
                "this node is in the balancer's list from the moment it joins"
            );
        }
    }

    private bool TakeOfServer(NginxDirective d, NginxVirtualHost host)
    {
        switch (d.Name)
        {
            case "listen":
                TakeListen(d, host);
                return true;
            case "server_name":
                TakeNames(d, host);
                return true;
            case "ssl" when d.Arguments is ["on" or "off"]:
                Tell(Outcome.NotNeeded, d, null, "which port speaks TLS is said by listen.balancer");
                return true;
            case "ssl_certificate":
                host.Certificate = d;
                return true;
            case "ssl_certificate_key":
                host.Key = d;
                return true;
            case "proxy_pass":
                TakePass(d);
                return true;
            default:
                return TakeAnywhere(d);
        }
    }

    private bool TakeAnywhere(NginxDirective d)
    {
        switch (d.Name)
        {
            case "ssl_protocols":
                var old = d.Arguments.Where(a => a is "SSLv2" or "SSLv3" or "TLSv1" or "TLSv1.1").ToList();
                Tell(
                    old.Count > 0 ? Outcome.Dangerous : Outcome.NotNeeded,
                    d,
                    null,
                    old.Count > 0
                        ? $"{string.Join(", ", old)} is broken; callers that know no better are refused here"
                        : "TLS 1.2 and 1.3"
                );
                return true;
            case "proxy_set_header":
                TakeHeader(d);
                return true;
            case "add_header":
                Tell(
                    Outcome.NeedsYou,
                    d,
                    null,
                    $"add the headers policy to the APIs: {{ \"answer\": {{ \"set\": {{ \"{d.Arguments.FirstOrDefault()}\": … }} }} }}"
                );
                return true;
            case "proxy_read_timeout":
                TakeTime(d, "balancer.readTimeout");
                return true;
            case "proxy_send_timeout" or "send_timeout":
                TakeTime(d, "balancer.sendTimeout");
                return true;
            case "client_header_timeout":
                TakeTime(d, "timeouts.requestHead");
                return true;
            case "keepalive_timeout" when !d.Context.EndsWith("upstream", StringComparison.Ordinal):
                TakeTime(d, "timeouts.keepAlive");
                return true;
            case "large_client_header_buffers" when d.Arguments is [var count, var size]:
                TakeHeaderBuffers(d, count, size);
                return true;
            case "set_real_ip_from"
                when d.Arguments is [var network]
                    && (IPNetwork.TryParse(network, out _) || IPAddress.TryParse(network, out _)):
                _settings.Add("proxies.trusted", d.Arguments, d.Place);
                Tell(Outcome.Converted, d, "proxies.trusted", null);
                return true;
            case "access_log":
                TakeLog(d);
                return true;
            case "error_log":
                TakeLog(d);
                return true;
            default:
                return false;
        }
    }

    private void TakeListen(NginxDirective d, NginxVirtualHost host)
    {
        var text = d.Arguments.FirstOrDefault() ?? "";
        var colon = text.LastIndexOf(':');
        var (address, portText) = colon < 0 ? ("", text) : (text[..colon], text[(colon + 1)..]);
        if (colon < 0 && text.Contains('.'))
        {
            (address, portText) = (text, "80");
        }

        if (
            text.StartsWith("unix:", StringComparison.Ordinal)
            || !int.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port is < 1 or > 65535
        )
        {
            Tell(Outcome.NeedsYou, d, null, "the balancer listens on ports only: listen.balancer");
            return;
        }

        if (d.Arguments.Contains("proxy_protocol"))
        {
            Tell(
                Outcome.NeedsYou,
                d,
                null,
                "the PROXY protocol is not spoken; a proxy in front sends X-Forwarded-For: proxies.trusted"
            );
            return;
        }

        var key = $"listen.balancer.{(host.IsTls(d) ? "https" : "http")}";
        if (!_settings.Set(key, new HomeValue.Text(portText), d.Place))
        {
            Tell(Outcome.NeedsYou, d, null, $"{key} is another port already, and there is one of each kind");
            return;
        }

        _settings.Bind(
            address is not ("*" or "[::]" or "0.0.0.0") && IPAddress.TryParse(address.Trim('[', ']'), out _)
                ? address.Trim('[', ']')
                : "",
            d.Place
        );
        Tell(Outcome.Converted, d, key, null);
    }

    private void TakeNames(NginxDirective d, NginxVirtualHost host)
    {
        var names = d.Arguments.Where(n => n is not ("_" or "" or "localhost")).ToList();
        var odd = names
            .Where(n => n.AsSpan().ContainsAny('*', '~') || Uri.CheckHostName(n) == UriHostNameType.Unknown)
            .ToList();
        if (odd.Count > 0)
        {
            Tell(
                Outcome.NeedsYou,
                d,
                null,
                $"names are whole: write out those that '{string.Join(' ', odd)}' stands for"
            );
        }
        else if (names.Count == 0)
        {
            Tell(Outcome.NotNeeded, d, null, "every name that is not a management one is for APIs");
        }
        else
        {
            var key = host.IsManagement ? "hosts.management" : "hosts.gateway";
            _settings.Add(key, names, d.Place);
            Tell(
                Outcome.Converted,
                d,
                key,
                "managers tell the balancer; set it on them: it is in this file to be seen"
            );
        }
    }

    private void TakePass(NginxDirective d)
    {
        var text = d.Arguments.FirstOrDefault() ?? "";
        var isUrl = Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";
        var path = isUrl ? url!.AbsolutePath : "";
        if (path.Length > 1)
        {
            Tell(
                Outcome.NeedsYou,
                d,
                null,
                $"the path {path} is put in front of each request: an API's context does that here"
            );
        }
        else if (text.Contains('$'))
        {
            Tell(Outcome.NeedsYou, d, null, "nodes are not chosen by variables");
        }
        else
        {
            Tell(
                Outcome.Converted,
                d,
                "the registered nodes",
                "over TLS with certificates of the cluster, whatever the scheme was"
            );
        }
    }

    private void TakeHeader(NginxDirective d)
    {
        var name = d.Arguments.FirstOrDefault() ?? "";
        var value = string.Join(' ', d.Arguments.Skip(1));
        var own = name.ToLowerInvariant() switch
        {
            "x-forwarded-for" or "x-forwarded-proto" or "x-forwarded-host" or "x-forwarded-port" or "forwarded" =>
                "the balancer sends it; what a caller claims is taken off unless it is a trusted proxy",
            "x-forwarded-server" => "nothing reads it; X-Forwarded-Host says the same",
            "host" when value is "$http_host" or "$host" or "$host:$server_port" or "$http_host:$server_port" =>
                "the caller's Host is kept",
            "x-real-ip" => "nodes read X-Forwarded-For of the balancer",
            "upgrade" or "connection" => "WebSocket is passed on by itself",
            "accept-encoding" => "the compress policy of an API decides",
            "x-request-id" or "x-correlation-id" => "the balancer makes one for each request",
            _ => null,
        };
        Tell(
            own is null ? Outcome.NeedsYou : Outcome.NotNeeded,
            d,
            null,
            own ?? $"add the headers policy to the APIs: {{ \"request\": {{ \"set\": {{ \"{name}\": … }} }} }}"
        );
    }

    private void TakeTime(NginxDirective d, string key)
    {
        if (
            NginxTime.Parse(d.Arguments.FirstOrDefault()) is not { } time
            || time <= TimeSpan.Zero
            || time > TimeSpan.FromDays(1)
        )
        {
            Tell(Outcome.NeedsYou, d, null, $"set {key} to a time from 1ms to 24h");
            return;
        }

        _settings.Longest(key, time, d.Place);
        Tell(Outcome.Converted, d, key, null);
    }

    private void TakeHeaderBuffers(NginxDirective d, string count, string size)
    {
        if (
            int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
            && NginxTime.Size(size) is { } bytes
            && n * (long)bytes is > 0 and <= 16 << 20
        )
        {
            _settings.Set(
                "limits.requestHead",
                new HomeValue.Text((n * bytes).ToString(CultureInfo.InvariantCulture)),
                d.Place
            );
            Tell(Outcome.Converted, d, "limits.requestHead", null);
        }
        else
        {
            Tell(Outcome.NeedsYou, d, null, "set limits.requestHead");
        }
    }

    private void TakeLog(NginxDirective d)
    {
        var target = d.Arguments.FirstOrDefault() ?? "";
        if (target is "off" or "" or "/dev/null")
        {
            Tell(Outcome.NotNeeded, d, null, "log.access is off unless it is set");
        }
        else if (!target.StartsWith('/') || target.Contains('$'))
        {
            Tell(Outcome.NeedsYou, d, null, "set log.access to a file or stdout");
        }
        else
        {
            var file = $"{Path.GetDirectoryName(target)}/gatehouse-access.log";
            _settings.Set("log.access", new HomeValue.Text(file), d.Place);
            Tell(
                Outcome.Converted,
                d,
                "log.access",
                "one base name: FILE and FILE.error for APIs, FILE.management and FILE.management.error for the console"
            );
        }
    }

    private void TakeCertificate(NginxVirtualHost host, NginxDirective certificate)
    {
        if (host.Key is not { } key)
        {
            Tell(Outcome.NeedsYou, certificate, null, "no ssl_certificate_key beside it: add both to tls.certificates");
            return;
        }

        _settings.Certificate(certificate.Argument, key.Argument, certificate.Place);
        Tell(Outcome.Converted, certificate, "tls.certificates", "copy the file, or read it where it is");
        Tell(Outcome.Converted, key, "tls.certificates", "copy the file, or read it where it is");
    }

    private void Judge(NginxDirective directive, Verdict? verdict) =>
        Tell(
            verdict?.Outcome ?? Outcome.NeedsYou,
            directive,
            null,
            verdict?.Note
                ?? "this reader does not know it: find out what it is for, and set its counterpart if there is one"
        );

    private void Tell(Outcome outcome, NginxDirective d, string? target, string? note) =>
        log.Add(
            new Finding(
                outcome,
                d.Place,
                d.Path,
                d.Argument.Length == 0 ? null
                    : d.Argument.Length <= 120 ? d.Argument
                    : d.Argument[..117] + "...",
                target,
                note
            )
        );
}
