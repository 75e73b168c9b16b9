using System.Collections.Immutable;
using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse node list | show | config | log | drain | undrain | environments | certificates | renew | evict</c>.</summary>
internal static class NodeCommands
{
    public static Command Create() =>
        new Command("node", "Look at nodes, take them out of service").With(
            List(),
            Show(),
            NodeInspectCommands.Config(Name),
            NodeInspectCommands.Log(Name),
            Drain(),
            Undrain(),
            Environments(),
            NodeCertificateCommands.List(),
            NodeCertificateCommands.Renew(Name),
            Evict()
        );

    private static Command List() =>
        new Command("list", "List the registered nodes").Does(
            async (call, cancellation) =>
            {
                var nodes = await call.Manager.ListNodesAsync(cancellation);
                call.Output.Items("Node", nodes, NodeColumns.At(DateTimeOffset.UtcNow));
            }
        );

    private static Command Show()
    {
        var name = Name();
        return new Command("show", "Show one node with its ports, properties and refusals")
            .With(name)
            .Does(
                async (call, cancellation) => Print(call, await call.Manager.GetNodeAsync(call.Get(name), cancellation))
            );
    }

    private static Command Drain()
    {
        var name = Name();
        return new Command("drain", "Send a node no new requests; it finishes those it has")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    await call.Manager.DrainNodeAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} drains");
                    call.Output.Next($"gatehouse node undrain {call.Get(name)}");
                }
            );
    }

    private static Command Undrain()
    {
        var name = Name();
        return new Command("undrain", "Send a drained node requests again")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    await call.Manager.UndrainNodeAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} takes requests again");
                }
            );
    }

    private static Command Environments()
    {
        var name = Name();
        var environments = new Argument<string[]>("environments")
        {
            Description = "All that it may serve from now on",
            HelpName = "ENVIRONMENT",
            Arity = ArgumentArity.OneOrMore,
        };
        return new Command("environments", "Say which environments a worker may serve; it takes them up at once")
            .With(name, environments)
            .Does(
                async (call, cancellation) =>
                {
                    var node = await call.Manager.PutEnvironmentsOfNodeAsync(
                        call.Get(name),
                        new SetNodeEnvironments(call.Get(environments) ?? []),
                        cancellation
                    );
                    call.Output.Say($"{node.Name} serves {string.Join(", ", node.Environments)}");
                }
            );
    }

    private static Command Evict()
    {
        var name = Name();
        return new Command("evict", "Take a node out of the cluster for good: its certificate is refused everywhere")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    await call.Manager.DeleteNodeAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} is evicted; its certificate is refused from now on");
                }
            );
    }

    private static Argument<string> Name() => new("name") { Description = "The node's name", HelpName = "NAME" };

    private static void Print(Call call, NodeView node)
    {
        call.Output.Item(
            "Node",
            node,
            ("name", node.Name),
            ("profile", node.Profile.Name()),
            ("sub-domain", node.SubDomain),
            ("state", Words.Of(node.State)),
            ("host", node.Host),
            ("internal port", $"{node.InternalPort}"),
            ("ports", Pairs(node.Ports)),
            ("properties", Pairs(node.Properties)),
            ("environments", node.Environments.IsEmpty ? null : string.Join(", ", node.Environments)),
            ("draining", node.Draining ? "yes" : null),
            ("epoch", node.Epoch?.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            (
                "traffic",
                node.Traffic is { } traffic
                    ? string.Create(
                        System.Globalization.CultureInfo.InvariantCulture,
                        $"{traffic.RequestsPerSecond} requests a second, {traffic.FailedPerSecond} failed, {traffic.InFlight} under way"
                    )
                    : null
            ),
            ("last seen", Words.Ago(node.LastSeen, DateTimeOffset.UtcNow)),
            ("started", node.StartedAt?.ToString("u", System.Globalization.CultureInfo.InvariantCulture)),
            ("process", node.ProcessId?.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            ("version", node.Version)
        );
        if (call.Output.Format == OutputFormat.Table)
        {
            foreach (var target in node.Traffic?.Targets ?? [])
            {
                call.Output.Line(
                    string.Create(
                        System.Globalization.CultureInfo.InvariantCulture,
                        $"sends {target.RequestsPerSecond} a second to {target.Name}{(target.Ill ? ", which fails" : "")}"
                    )
                );
            }

            foreach (var refusal in node.Refusals)
            {
                call.Output.Line(
                    $"refuses {refusal.Kind} {refusal.Name} at epoch {refusal.Epoch}: {refusal.Reason} ({refusal.Field})"
                );
            }
        }
    }

    private static string? Pairs<T>(ImmutableSortedDictionary<string, T> map) =>
        map.IsEmpty ? null : string.Join(", ", map.Select(p => $"{p.Key}={p.Value}"));
}
