using System.Globalization;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>
/// <c>upstream</c> blocks: how a node is chosen, and which nodes are not like the others. Where the nodes are is not carried
/// over, because they tell the balancer themselves.
/// </summary>
internal sealed class NginxUpstreamReader(NginxFindings findings, NginxSettings settings)
{
    private const string Health =
        "a node that fails twice in a row is tried last, for a second at first and for 30 at most";
    private readonly Dictionary<string, (int Weight, bool IsBackup)> _nodes = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads one.</summary>
    /// <param name="upstream">The block.</param>
    /// <param name="users">Which servers pass on to it.</param>
    public void Read(NginxDirective upstream, NginxUse users)
    {
        findings.NotNeeded(
            upstream,
            users == NginxUse.None
                ? "no proxy_pass names it"
                : "the nodes are the upstream; they tell the balancer where they are"
        );
        foreach (var d in upstream.Block)
        {
            switch (d.Name)
            {
                case "server":
                    TakeMember(d);
                    break;
                case "ip_hash" or "hash" when !users.HasFlag(NginxUse.Apis):
                    findings.NotNeeded(
                        d,
                        users == NginxUse.None
                            ? "no proxy_pass names this upstream"
                            : "the balancer's own cookie keeps a caller of the console on one manager"
                    );
                    break;
                case "ip_hash":
                    TakeAlgorithm(d, "hash-ip");
                    break;
                case "hash":
                    TakeHash(d);
                    break;
                case "sticky" when d.Arguments is [] or ["cookie", ..] || d.Arguments.All(a => a.Contains('=')):
                    settings.Set("balancer.apiStickyCookie", new HomeValue.Text("GATEHOUSE-API"), d.Place);
                    findings.Converted(
                        d,
                        "balancer.apiStickyCookie",
                        "under a name of its own: JSESSIONID is the backends'. API calls rarely need it; without it they spread better"
                    );
                    break;
                case "sticky":
                    findings.NeedsYou(d, "sticks by the balancer's own cookie only: balancer.apiStickyCookie");
                    break;
                default:
                    findings.Judge(d);
                    break;
            }
        }
    }

    /// <summary>Writes what was found of nodes.</summary>
    public void Finish(Place place)
    {
        var unlike = _nodes.Where(n => n.Value is not (1, false)).OrderBy(n => n.Key, StringComparer.Ordinal).ToList();
        if (unlike.Count > 0)
        {
            settings.Set(
                "balancer.nodes",
                new HomeValue.Tree(
                    new JsonArray([
                        .. unlike.Select(n =>
                        {
                            var json = new JsonObject { ["node"] = n.Key };
                            if (n.Value.Weight != 1)
                            {
                                json["weight"] = n.Value.Weight;
                            }

                            if (n.Value.IsBackup)
                            {
                                json["backup"] = true;
                            }

                            return json;
                        }),
                    ])
                ),
                place
            );
        }
    }

    private void TakeHash(NginxDirective d)
    {
        var name = d.Arguments.FirstOrDefault() ?? "";
        var algorithm = name switch
        {
            "$remote_addr" or "$binary_remote_addr" => "hash-ip",
            "$request_uri" or "$uri" or "$host$request_uri" or "$scheme$proxy_host$request_uri" => "hash-uri",
            _ when name.StartsWith("$http_", StringComparison.Ordinal) && IsWord(name[6..]) =>
                $"hash-header:{name[6..].Replace('_', '-')}",
            _ when name.StartsWith("$cookie_", StringComparison.Ordinal) && IsWord(name[8..]) =>
                $"hash-cookie:{name[8..]}",
            _ => null,
        };
        if (algorithm is null)
        {
            findings.NeedsYou(
                d,
                $"calls are not spread by {name}: set balancer.algorithm to hash-ip, hash-uri, hash-header:NAME or hash-cookie:NAME"
            );
        }
        else
        {
            TakeAlgorithm(d, algorithm);
        }
    }

    private static bool IsWord(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private void TakeAlgorithm(NginxDirective d, string algorithm)
    {
        if (settings.Set("balancer.algorithm", new HomeValue.Text(algorithm), d.Place))
        {
            findings.Converted(d, "balancer.algorithm", "a caller is on another node than NGINX had it on");
        }
        else
        {
            findings.NeedsYou(
                d,
                "another upstream of APIs chooses its nodes otherwise, and there is one balancer.algorithm"
            );
        }
    }

    private void TakeMember(NginxDirective d)
    {
        var text = d.Arguments.FirstOrDefault() ?? "";
        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            findings.NeedsYou(d, "nodes are reached over the network only");
            return;
        }

        if (d.Arguments.Contains("down"))
        {
            findings.NeedsYou(d, "keep it drained: gatehouse node drain NODE");
            return;
        }

        var weight = 1;
        foreach (var parameter in d.Arguments.Where(a => a.StartsWith("weight=", StringComparison.Ordinal)))
        {
            if (
                !int.TryParse(parameter[7..], NumberStyles.None, CultureInfo.InvariantCulture, out weight)
                || weight is < 1 or > 1000
            )
            {
                findings.NeedsYou(d, $"{parameter}: a weight is 1 to 1000; set it in balancer.nodes");
                return;
            }
        }

        var share = (weight, d.Arguments.Contains("backup"));
        var host = HostOf(text);
        if (!_nodes.TryAdd(host, share) && _nodes[host] != share)
        {
            findings.NeedsYou(
                d,
                $"{host} has another weight elsewhere, and a node has one for all ports: set it in balancer.nodes"
            );
            return;
        }

        var health = d.Arguments.Any(a =>
            a.StartsWith("max_fails=", StringComparison.Ordinal)
            || a.StartsWith("fail_timeout=", StringComparison.Ordinal)
        );
        findings.Converted(
            d,
            share is (1, false) ? "the registered nodes" : "balancer.nodes",
            (share is (1, false) ? "this node is in the balancer's list from the moment it joins" : "by its address")
                + (health ? $"; {Health}" : "")
        );
    }

    private static string HostOf(string address)
    {
        var colon = address.LastIndexOf(':');
        return (colon > 0 && !address.EndsWith(']') ? address[..colon] : address).Trim('[', ']');
    }
}

/// <summary>Who passes on to an upstream.</summary>
[Flags]
internal enum NginxUse
{
    None = 0,
    Apis = 1,
    Management = 2,
}
