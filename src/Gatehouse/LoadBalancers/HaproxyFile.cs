using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Gatehouse.LoadBalancers;

/// <summary>A plan as a whole file for HAProxy 2.4 and later.</summary>
internal static class HaproxyFile
{
    public static string Write(LoadBalancerPlan plan)
    {
        var file = new StringBuilder(
            """
            # Made by 'gatehouse lb export haproxy' from the registered nodes; 'gatehouse lb watch' keeps it so.
            # Nodes believe X-Forwarded-* of this machine once its address is in their proxies.trusted.

            global
                ssl-default-bind-options ssl-min-ver TLSv1.2

            defaults
                mode http
                timeout connect 2s
                timeout client 5m
                timeout server 5m
                timeout tunnel 15m
                timeout http-request 30s
                option http-keep-alive
                # Once more on another node, and only what certainly did not reach the first.
                retries 2
                retry-on conn-failure
                option redispatch 1

            """
        );
        var certificates =
            plan.ManagementHosts.IsEmpty || plan.ManagementTls == plan.GatewayTls
                ? Pem(plan.GatewayTls)
                : $"{Pem(plan.GatewayTls)} crt {Pem(plan.ManagementTls)}";
        if (!plan.WorkersHttp.IsEmpty)
        {
            file.Append(CultureInfo.InvariantCulture, $"\nfrontend gatehouse_http\n    bind :{plan.HttpPort}\n");
            Forwarded(file, "http");
            Choose(file, plan.GatewayHosts, "gatehouse_workers_http");
        }

        if (!plan.WorkersHttps.IsEmpty || !plan.ManagersHttps.IsEmpty)
        {
            file.Append(
                CultureInfo.InvariantCulture,
                $"\nfrontend gatehouse_https\n    bind :{plan.HttpsPort} ssl crt {certificates} alpn h2,http/1.1\n"
            );
            Forwarded(file, "https");
            if (!plan.ManagementHosts.IsEmpty && !plan.ManagersHttps.IsEmpty)
            {
                Choose(file, plan.ManagementHosts, "gatehouse_managers");
            }

            Choose(file, plan.GatewayHosts, "gatehouse_workers_https");
        }

        Backend(file, "gatehouse_workers_http", plan.WorkersHttp, null, plan, sticky: false);
        Backend(file, "gatehouse_workers_https", plan.WorkersHttps, plan.GatewayHosts, plan, sticky: false);
        Backend(file, "gatehouse_managers", plan.ManagersHttps, plan.ManagementHosts, plan, sticky: true);
        return file.ToString();
    }

    private static void Forwarded(StringBuilder file, string scheme) =>
        file.Append("    option forwardfor\n")
            .Append("    http-request set-header X-Forwarded-Host %[req.hdr(Host)]\n")
            .Append(CultureInfo.InvariantCulture, $"    http-request set-header X-Forwarded-Proto {scheme}\n");

    private static void Choose(StringBuilder file, ImmutableArray<string> hosts, string backend) =>
        file.Append(
            hosts.IsEmpty
                ? $"    default_backend {backend}\n"
                : $"    use_backend {backend} if {{ req.hdr(Host),field(1,:),lower -m str {string.Join(' ', hosts)} }}\n"
        );

    private static void Backend(
        StringBuilder file,
        string name,
        ImmutableArray<LoadBalancerNode> nodes,
        ImmutableArray<string>? hosts,
        LoadBalancerPlan plan,
        bool sticky
    )
    {
        if (nodes.IsEmpty)
        {
            return;
        }

        file.Append(CultureInfo.InvariantCulture, $"\nbackend {name}\n    balance leastconn\n");
        if (sticky)
        {
            // The console keeps a session in one process.
            file.Append("    cookie GATEHOUSE-LB insert indirect nocache httponly secure\n");
        }

        foreach (var node in nodes)
        {
            file.Append(
                CultureInfo.InvariantCulture,
                $"    server {node.Name} {node.Address} check inter 1s fall 2 rise 1 observe layer4 error-limit 2 on-error mark-down"
            );
            if (hosts is { } names)
            {
                file.Append(
                    CultureInfo.InvariantCulture,
                    $" ssl alpn h2,http/1.1 ws h1 check-ssl {Verify(plan, names)}"
                );
            }

            file.Append(sticky ? $" cookie {node.Name}" : "").Append(node.Draining ? " weight 0\n" : "\n");
        }
    }

    // A node's certificate names the public hosts; without any, HAProxy judges by the authority alone.
    private static string Verify(LoadBalancerPlan plan, ImmutableArray<string> hosts) =>
        hosts.IsEmpty
            ? $"verify required ca-file {plan.AuthorityFile}"
            : $"verify required ca-file {plan.AuthorityFile} verifyhost {hosts[0]} sni str({hosts[0]}) check-sni {hosts[0]}";

    // HAProxy takes certificate and key in one file.
    private static string Pem((string Certificate, string Key) tls) =>
        tls.Certificate == tls.Key ? tls.Certificate : Path.ChangeExtension(tls.Certificate, ".pem");
}
