using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Gatehouse.LoadBalancers;

/// <summary>A plan as a file for open-source NGINX 1.18 and later, to lie in <c>/etc/nginx/conf.d</c>.</summary>
internal static class NginxFile
{
    public static string Write(LoadBalancerPlan plan)
    {
        var file = new StringBuilder(
            """
            # Made by 'gatehouse lb export nginx' from the registered nodes; 'gatehouse lb watch' keeps it so.
            # Nodes believe X-Forwarded-* of this machine once its address is in their proxies.trusted.

            map $http_upgrade $gatehouse_connection {
                default upgrade;
                ''      '';
            }

            """
        );
        Upstream(file, "gatehouse_workers_http", plan.WorkersHttp, sticky: false);
        Upstream(file, "gatehouse_workers_https", plan.WorkersHttps, sticky: false);
        Upstream(file, "gatehouse_managers", plan.ManagersHttps, sticky: true);
        Plain(file, plan);
        Tls(file, plan);
        Management(file, plan);
        return file.ToString();
    }

    private static void Upstream(StringBuilder file, string name, ImmutableArray<LoadBalancerNode> nodes, bool sticky)
    {
        if (nodes.IsEmpty)
        {
            return;
        }

        file.Append(CultureInfo.InvariantCulture, $"\nupstream {name} {{\n");
        // The console keeps a session in one process; API calls go where the fewest are in flight.
        file.Append(sticky ? "    ip_hash;\n" : "    least_conn;\n");
        foreach (var node in nodes)
        {
            file.Append(
                CultureInfo.InvariantCulture,
                $"    server {node.Address} max_fails=2 fail_timeout=5s{(node.Draining ? " down" : "")}; # {node.Name}\n"
            );
        }

        file.Append("    keepalive 64;\n}\n");
    }

    private static void Plain(StringBuilder file, LoadBalancerPlan plan)
    {
        if (plan.WorkersHttp.IsEmpty)
        {
            return;
        }

        file.Append(
            CultureInfo.InvariantCulture,
            $"\nserver {{\n    listen {plan.HttpPort}{(plan.GatewayHosts.IsEmpty ? " default_server" : "")};\n    server_name {Names(plan.GatewayHosts)};\n    client_max_body_size 0;\n\n"
        );
        Location(file, "http://gatehouse_workers_http", indent: "    ", verified: null);
        file.Append("}\n");
    }

    private static void Tls(StringBuilder file, LoadBalancerPlan plan)
    {
        if (plan.WorkersHttps.IsEmpty)
        {
            return;
        }

        Server(file, plan.HttpsPort, plan.GatewayHosts, plan.GatewayTls);
        var verified = Verified(plan, plan.GatewayHosts);
        file.Append(
            """

                # gRPC needs HTTP/2 to the node as well.
                error_page 418 = @grpc;
                location @grpc {
                    grpc_pass grpcs://gatehouse_workers_https;
                    grpc_set_header Host $http_host;
                    grpc_set_header X-Forwarded-Host $host;
                    grpc_set_header X-Forwarded-Proto $scheme;
                    grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    grpc_read_timeout 5m;
                    grpc_send_timeout 5m;

            """
        );
        foreach (var line in verified)
        {
            file.Append("        ").Append(line.Replace("proxy_", "grpc_", StringComparison.Ordinal)).Append('\n');
        }

        file.Append("    }\n\n");
        Location(
            file,
            "https://gatehouse_workers_https",
            "    ",
            verified,
            "if ($content_type ~ ^application/grpc) { return 418; }"
        );
        file.Append("}\n");
    }

    private static void Management(StringBuilder file, LoadBalancerPlan plan)
    {
        if (plan.ManagersHttps.IsEmpty || plan.ManagementHosts.IsEmpty)
        {
            return;
        }

        Server(file, plan.HttpsPort, plan.ManagementHosts, plan.ManagementTls);
        file.Append('\n');
        Location(file, "https://gatehouse_managers", "    ", Verified(plan, plan.ManagementHosts));
        file.Append("}\n");
    }

    private static void Server(
        StringBuilder file,
        int port,
        ImmutableArray<string> hosts,
        (string Certificate, string Key) tls
    ) =>
        file.Append(
            CultureInfo.InvariantCulture,
            $"""

            server {"{"}
                listen {port} ssl http2{(hosts.IsEmpty ? " default_server" : "")};
                server_name {Names(hosts)};
                ssl_certificate {tls.Certificate};
                ssl_certificate_key {tls.Key};
                ssl_protocols TLSv1.2 TLSv1.3;
                client_max_body_size 0;

            """
        );

    private static void Location(
        StringBuilder file,
        string to,
        string indent,
        IReadOnlyList<string>? verified,
        string? first = null
    )
    {
        string?[] lines =
        [
            first,
            $"proxy_pass {to};",
            "proxy_http_version 1.1;",
            "proxy_set_header Host $http_host;",
            "proxy_set_header X-Forwarded-Host $host;",
            "proxy_set_header X-Forwarded-Proto $scheme;",
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            "proxy_set_header Upgrade $http_upgrade;",
            "proxy_set_header Connection $gatehouse_connection;",
            "proxy_connect_timeout 2s;",
            "proxy_read_timeout 5m;",
            "proxy_send_timeout 5m;",
            "proxy_buffering off;",
            "proxy_request_buffering off;",
            "proxy_next_upstream error timeout;",
            "proxy_next_upstream_tries 3;", // a kept connection that is gone counts as one
            .. verified ?? [],
        ];
        file.Append(indent).Append("location / {\n");
        foreach (var line in lines.OfType<string>())
        {
            file.Append(indent).Append("    ").Append(line).Append('\n');
        }

        file.Append(indent).Append("}\n");
    }

    // A node's certificate names the public hosts; without any, NGINX has no name to compare.
    private static IReadOnlyList<string> Verified(LoadBalancerPlan plan, ImmutableArray<string> hosts) =>
        hosts.IsEmpty
            ? ["# hosts.gateway is not set, so there is no name by which a node could be judged."]
            :
            [
                "proxy_ssl_verify on;",
                $"proxy_ssl_trusted_certificate {plan.AuthorityFile};",
                "proxy_ssl_verify_depth 2;",
                "proxy_ssl_server_name on;",
                $"proxy_ssl_name {hosts[0]};",
            ];

    private static string Names(ImmutableArray<string> hosts) => hosts.IsEmpty ? "_" : string.Join(' ', hosts);
}
