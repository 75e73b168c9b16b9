using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Wso2;

/// <summary>The directives of servers and locations, one by one.</summary>
/// <param name="findings">Where each is told.</param>
/// <param name="settings">What they become.</param>
/// <param name="rates">The zones that <c>limit_req</c> names.</param>
/// <param name="around">What stands outside of all servers.</param>
internal sealed class NginxServerReader(
    NginxFindings findings,
    NginxSettings settings,
    NginxRates rates,
    NginxHostRule around
)
{
    private const string Rules = "balancer.hosts";

    /// <summary>True when the directive had its line.</summary>
    public bool Take(NginxDirective d, NginxVirtualHost? host) =>
        host is null ? TakeAnywhere(d, around, null) : TakeOfServer(d, host);

    /// <summary>Takes what stands at the end of a server.</summary>
    public void Finish(NginxVirtualHost host)
    {
        if (host.Certificate is { } certificate)
        {
            TakeCertificate(host, certificate);
        }
    }

    /// <summary>An <c>if</c> about scheme or host that only sends callers elsewhere, as the rule that it is. False for any other.</summary>
    public bool TakeIf(NginxDirective condition, NginxVirtualHost host)
    {
        if (
            host.Current is not { Path: null }
            || condition.Block is not [{ Name: "return" or "rewrite" } only]
            || Subject(condition.Argument, host) is not var (hosts, scheme)
        )
        {
            return false;
        }

        var serverName = host.Names.FirstOrDefault();
        var (answer, path, isExact, why) =
            only.Name == "return"
                ? NginxRedirect.OfReturn(only.Arguments, host.ContentType, serverName) switch
                {
                    var (a, w) => (a, null, false, w),
                }
                : NginxRedirect.OfRewrite(only.Arguments, serverName);
        if (answer is null)
        {
            findings.NeedsYou(condition, "what it does is not carried over");
            findings.NeedsYou(only, why!);
            return true;
        }

        host.Add(path, isExact, hosts, scheme).Return = answer;
        findings.Converted(condition, Rules);
        findings.Converted(only, Rules);
        return true;
    }

    // The names or the scheme that a condition is about; null for any other.
    private static (string[]? Hosts, string? Scheme)? Subject(string condition, NginxVirtualHost host)
    {
        var words = condition.Trim('(', ')', ' ').Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not [var variable, "=" or "!=", ..] || words.Length > 3)
        {
            return null;
        }

        var isEqual = words[1] == "=";
        var value = words.Length == 3 ? words[2].Trim('"', '\'') : "";
        return (variable, value.ToLowerInvariant(), isEqual) switch
        {
            ("$scheme" or "$http_x_forwarded_proto", "http", true) => (null, "http"),
            ("$scheme" or "$http_x_forwarded_proto", "https", false) => (null, "http"),
            ("$https", "", true) or ("$https", "on", false) or ("$server_port", "80", true) => (null, "http"),
            ("$host" or "$http_host", var name, true) when NginxVirtualHost.IsWhole(name) => ([name], null),
            ("$host" or "$http_host", var name, false) when host.Names.Any(n => n != name) => (
                [.. host.Names.Where(n => n != name)],
                null
            ),
            _ => null,
        };
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
                findings.NotNeeded(d, "which port speaks TLS is said by listen.balancer");
                return true;
            case "ssl_certificate":
                host.Certificate = d;
                return true;
            case "ssl_certificate_key":
                host.Key = d;
                return true;
            case "proxy_pass":
                TakePass(d, host);
                return true;
            case "return":
                TakeReturn(d, host);
                return true;
            case "rewrite":
                TakeRewrite(d, host);
                return true;
            case "deny" when host is { IsClosed: true, Current: { } closed }:
                closed.Return = new JsonObject { ["status"] = 403 };
                findings.Converted(d, Rules);
                return true;
            default:
                return TakeAnywhere(d, host.Current, host);
        }
    }

    private bool TakeAnywhere(NginxDirective d, NginxHostRule? rule, NginxVirtualHost? host)
    {
        switch (d.Name)
        {
            case "ssl_protocols":
                var old = d.Arguments.Where(a => a is "SSLv2" or "SSLv3" or "TLSv1" or "TLSv1.1").ToList();
                findings.Tell(
                    old.Count > 0 ? Outcome.Dangerous : Outcome.NotNeeded,
                    d,
                    null,
                    old.Count > 0
                        ? $"{string.Join(", ", old)} is broken; callers that know no better are refused here"
                        : "TLS 1.2 and 1.3"
                );
                return true;
            case "proxy_set_header":
                TakeRequestHeader(d, rule, host);
                return true;
            case "add_header":
                TakeAnswerHeader(d, rule);
                return true;
            case "proxy_hide_header" when d.Arguments is [var hidden] && rule is not null:
                rule.SetAnswerHeader(hidden, "", always: true);
                findings.Converted(d, Rules);
                return true;
            case "limit_req_zone":
                TakeZone(d);
                return true;
            case "limit_req" when rule is not null:
                var (rate, note) = rates.Of(d);
                rule.Rate = rate ?? rule.Rate;
                findings.Tell(
                    rate is null ? Outcome.NeedsYou : Outcome.Converted,
                    d,
                    rate is null ? null : Rules,
                    note
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
            case "keepalive_timeout":
                TakeTime(d, "timeouts.keepAlive");
                return true;
            case "large_client_header_buffers" when d.Arguments is [var count, var size]:
                TakeHeaderBuffers(d, count, size);
                return true;
            case "set_real_ip_from"
                when d.Arguments is [var network]
                    && (IPNetwork.TryParse(network, out _) || IPAddress.TryParse(network, out _)):
                settings.Add("proxies.trusted", d.Arguments, d.Place);
                findings.Converted(d, "proxies.trusted");
                return true;
            case "access_log" or "error_log":
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
            findings.NeedsYou(d, "the balancer listens on ports only: listen.balancer");
            return;
        }

        if (d.Arguments.Contains("proxy_protocol"))
        {
            findings.NeedsYou(
                d,
                "the PROXY protocol is not spoken; a proxy in front sends X-Forwarded-For: proxies.trusted"
            );
            return;
        }

        var key = $"listen.balancer.{(host.IsTls(d) ? "https" : "http")}";
        if (!settings.Set(key, new HomeValue.Text(portText), d.Place))
        {
            findings.NeedsYou(d, $"{key} is another port already, and there is one of each kind");
            return;
        }

        settings.Bind(
            address is not ("*" or "[::]" or "0.0.0.0") && IPAddress.TryParse(address.Trim('[', ']'), out _)
                ? address.Trim('[', ']')
                : "",
            d.Place
        );
        findings.Converted(d, key, null);
    }

    private void TakeNames(NginxDirective d, NginxVirtualHost host)
    {
        var names = d.Arguments.Where(n => n is not ("_" or "" or "localhost")).ToList();
        var odd = names.Where(n => !NginxVirtualHost.IsWhole(n)).ToList();
        names.RemoveAll(odd.Contains);
        if (odd.Count > 0)
        {
            findings.NeedsYou(d, $"names are whole: write out those that '{string.Join(' ', odd)}' stands for");
        }
        else if (names.Count == 0)
        {
            findings.NotNeeded(d, "every name that is not a management one is for APIs");
        }
        else if (host.IsOnlyAnswer)
        {
            findings.Converted(d, Rules, "these names lead to no node here");
        }
        else
        {
            findings.Converted(
                d,
                Key(host),
                "managers tell the balancer; set it on them: it is in this file to be seen"
            );
        }

        if (names.Count > 0 && !host.IsOnlyAnswer)
        {
            settings.Add(Key(host), names, d.Place);
        }

        static string Key(NginxVirtualHost host) => host.IsManagement ? "hosts.management" : "hosts.gateway";
    }

    private void TakePass(NginxDirective d, NginxVirtualHost host)
    {
        var text = d.Arguments.FirstOrDefault() ?? "";
        if (text.Contains('$'))
        {
            findings.NeedsYou(d, "nodes are not chosen by variables");
            return;
        }

        var isUrl = Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";
        var path = isUrl && text.IndexOf('/', url!.Scheme.Length + 3) is >= 0 and var at ? text[at..] : null;
        var rulePath = host.Current is { } rule ? rule.Path ?? "/" : null;
        if (path is null || path == rulePath)
        {
            host.Current?.Passes = true;
            findings.Converted(
                d,
                "the registered nodes",
                "over TLS with certificates of the cluster, whatever the scheme was"
            );
        }
        else
        {
            findings.NeedsYou(
                d,
                $"nodes would see {path} in place of {rulePath ?? "what matched"}, and the balancer passes paths on byte for byte: give the API the context that callers use (gatehouse api import --context), or its operations the policy {{ \"name\": \"rewrite\", \"settings\": {{ \"path\": \"{path}…\" }} }}"
            );
        }
    }

    private void TakeReturn(NginxDirective d, NginxVirtualHost host)
    {
        if (d.Arguments is ["444"] && host.Names.Length == 0)
        {
            findings.NotNeeded(d, "names that are no API's, console's or portal's get 404");
            return;
        }

        var (answer, why) = NginxRedirect.OfReturn(d.Arguments, host.ContentType, host.Names.FirstOrDefault());
        Answer(d, host.Current, answer, why);
    }

    private void TakeRewrite(NginxDirective d, NginxVirtualHost host)
    {
        var (answer, path, isExact, why) = NginxRedirect.OfRewrite(d.Arguments, host.Names.FirstOrDefault());
        var rule =
            host.Current is null || answer is null || path is null || path == host.Current.Path
                ? host.Current
                : host.Add(path, isExact);
        Answer(d, rule, answer, why);
    }

    private void Answer(NginxDirective d, NginxHostRule? rule, JsonObject? answer, string? why)
    {
        if (answer is null || rule is null)
        {
            findings.NeedsYou(d, why ?? "belongs to the location around it");
            return;
        }

        // What stands first in a block is what happens.
        rule.Return ??= answer;
        findings.Converted(d, Rules);
    }

    private void TakeZone(NginxDirective d)
    {
        if (!rates.IsUsed(d))
        {
            findings.NotNeeded(d, "no limit_req names it");
        }
        else if (rates.IsByAddress(d))
        {
            findings.Converted(
                d,
                Rules,
                "the rate of each limit_req that names it; counters need no size of their own"
            );
        }
        else
        {
            findings.Judge(d);
        }
    }

    private void TakeAnswerHeader(NginxDirective d, NginxHostRule? rule)
    {
        var always = d.Arguments is [.., "always"] && d.Arguments.Length > 2;
        var name = d.Arguments.FirstOrDefault() ?? "";
        var value = string.Join(' ', d.Arguments.Skip(1).SkipLast(always ? 1 : 0));
        var wrong = HeaderRules.NameProblem(name) ?? HeaderRules.ValueProblem(value);
        if (rule is null || wrong is not null || value.Contains('$', StringComparison.Ordinal))
        {
            findings.NeedsYou(
                d,
                rule is null
                    ? "belongs to the location around it"
                    : wrong
                        ?? "headers of answers have no variables: set it in balancer.hosts, or in the headers policy of an API"
            );
            return;
        }

        rule.SetAnswerHeader(name, value, always);
        findings.Converted(
            d,
            Rules,
            rule.Path is null ? "in the place of one that a node sends" : "beside those of the server around it"
        );
    }

    private void TakeRequestHeader(NginxDirective d, NginxHostRule? rule, NginxVirtualHost? host)
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
        if (own is not null)
        {
            findings.NotNeeded(d, own);
            return;
        }

        var text = NginxRedirect.Translate(value, host?.Names.FirstOrDefault());
        var why =
            rule is null ? "belongs to the location around it"
            : name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)
                ? "a credential stands in no configuration: give it to the API whose backend asks for it, gatehouse api credential"
            : text is null
                ? $"'{value}' has variables that the balancer has not: it has $host, $scheme, $uri, $args, $request_uri and $remote_addr"
            : HeaderRules.NameProblem(name) ?? HeaderRules.ValueProblem(text);
        if (why is not null)
        {
            findings.Tell(
                Outcome.NeedsYou,
                name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)
                    ? d with
                    {
                        Arguments = [name, "***"],
                    }
                    : d,
                null,
                why
            );
            return;
        }

        rule!.SetRequestHeader(name, text!);
        findings.Converted(d, Rules);
    }

    private void TakeTime(NginxDirective d, string key)
    {
        if (
            NginxTime.Parse(d.Arguments.FirstOrDefault()) is not { } time
            || time <= TimeSpan.Zero
            || time > TimeSpan.FromDays(1)
        )
        {
            findings.NeedsYou(d, $"set {key} to a time from 1ms to 24h");
            return;
        }

        settings.Longest(key, time, d.Place);
        findings.Converted(d, key, null);
    }

    private void TakeHeaderBuffers(NginxDirective d, string count, string size)
    {
        if (
            int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
            && NginxTime.Size(size) is { } bytes
            && n * (long)bytes is > 0 and <= 16 << 20
        )
        {
            settings.Set(
                "limits.requestHead",
                new HomeValue.Text((n * bytes).ToString(CultureInfo.InvariantCulture)),
                d.Place
            );
            findings.Converted(d, "limits.requestHead", null);
        }
        else
        {
            findings.NeedsYou(d, "set limits.requestHead");
        }
    }

    private void TakeLog(NginxDirective d)
    {
        var target = d.Arguments.FirstOrDefault() ?? "";
        if (target is "off" or "" or "/dev/null")
        {
            findings.NotNeeded(d, "log.access is off unless it is set");
        }
        else if (!target.StartsWith('/') || target.Contains('$'))
        {
            findings.NeedsYou(d, "set log.access to a file or stdout");
        }
        else
        {
            var file = $"{Path.GetDirectoryName(target)}/gatehouse-access.log";
            settings.Set("log.access", new HomeValue.Text(file), d.Place);
            findings.Converted(
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
            findings.NeedsYou(certificate, "no ssl_certificate_key beside it: add both to tls.certificates");
            return;
        }

        settings.Certificate(certificate.Argument, key.Argument, certificate.Place);
        findings.Converted(certificate, "tls.certificates", "copy the file, or read it where it is");
        findings.Converted(key, "tls.certificates", "copy the file, or read it where it is");
    }
}
