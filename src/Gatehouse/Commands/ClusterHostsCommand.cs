using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse cluster hosts</c>: lines for <c>/etc/hosts</c>, where no DNS knows the public names.</summary>
internal static class ClusterHostsCommand
{
    public static Command Create() =>
        new Command("hosts", "Print lines for /etc/hosts that make the public names known").Does(
            async (call, cancellation) =>
            {
                var nodes = await call.Manager.ListNodesAsync(cancellation);
                var hosts = await call.Manager.GetHostsAsync(cancellation);
                var lines = new List<HostLine>();
                var balancers = nodes.Where(n => n.Profile == Profile.LoadBalancer).ToList();
                var gateway = balancers.Count > 0 ? balancers : [.. nodes.Where(n => n.Profile.IsWorker())];
                var management = balancers.Count > 0 ? balancers : [.. nodes.Where(n => n.Profile.IsManager())];
                foreach (
                    var (names, behind) in ((ImmutableArray<string>, List<NodeView>)[])
                        [(hosts.Gateway, gateway), (hosts.Management, management)]
                )
                {
                    // One address for each name: the resolver takes the first line.
                    if (names.Length > 0 && behind.FirstOrDefault() is { } node)
                    {
                        lines.AddRange(names.Select(name => new HostLine(AddressOf(node.Host), name, node.Name)));
                    }
                }

                if (lines.Count == 0)
                {
                    call.Output.Message(
                        "the cluster has no public names; set hosts.gateway and hosts.management on a manager"
                    );
                    return;
                }

                if (call.Output.Format != OutputFormat.Table)
                {
                    call.Output.Items("Host", lines);
                    return;
                }

                foreach (var line in lines)
                {
                    call.Output.Line($"{line.Address} {line.Name} # {line.Node}");
                }

                if (balancers.Count == 0)
                {
                    call.Output.Warn(
                        "without a load balancer a name leads to one node alone: put the address of yours in its place"
                    );
                }
            }
        );

    private static string AddressOf(string host)
    {
        if (IPAddress.TryParse(host, out _))
        {
            return host;
        }

        try
        {
            return Dns.GetHostAddresses(host)
                .OrderBy(a => a.AddressFamily == AddressFamily.InterNetwork ? 0 : 1)
                .First()
                .ToString();
        }
        catch (SocketException)
        {
            throw new CommandFailure(
                ExitCode.NotFound,
                $"'{host}' has no address on this machine",
                fix: "run this where the node's name is known"
            );
        }
    }

    private sealed record HostLine(string Address, string Name, string Node);
}
