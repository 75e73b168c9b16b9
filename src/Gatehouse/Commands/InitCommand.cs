using System.CommandLine;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse init</c>: founds a cluster and runs its first manager. On a data directory that has one, it restarts it.</summary>
internal static class InitCommand
{
    // WSO2's own default for its gateways, so that a converted file keeps its meaning.
    private const string DefaultDomain = "wso2.am.domain";

    private static readonly Option<int> s_workers = Count("--workers", "workers");
    private static readonly Option<int> s_balancers = Count("--balancers", "load balancers");
    private static readonly Option<string?> s_cluster = new("--cluster")
    {
        Description = "Name of the cluster, in every certificate (default: gatehouse)",
        HelpName = "NAME",
    };

    public static Command Create() =>
        new Command("init", "Found a cluster on this machine and run its first manager; the same command restarts it")
            .With(s_workers, s_balancers, s_cluster)
            .With(StopWithInput.Option)
            .With(NodeOptions.All)
            .Does(NodeStart.InOrder(RunAsync));

    private static async Task<ExitCode> RunAsync(Call call, CancellationToken cancellation)
    {
        using var data = DataDirectory.Open(NodeOptions.DataPath(call));
        var founded = false;
        var identity = NodeIdentity.Load(data.Path);
        if (identity is null)
        {
            NodeFile.WriteOnce(data, Defaults(call));
            identity = await FoundAsync(NodeOptions.Read(call).Settings, data, call.Get(s_cluster), cancellation);
            founded = true;
        }
        else if (!identity.Profile.IsManager())
        {
            throw new CommandFailure(
                ExitCode.Conflict,
                $"this data directory belongs to '{identity.Node}', a {identity.Profile.Name()} of the cluster '{identity.Cluster}'",
                data.Path,
                "run it with 'gatehouse run', or give the new cluster another --data directory"
            );
        }

        using (identity)
        {
            var configuration = NodeOptions.Read(call);
            return await NodeStart.ServeAsync(
                call,
                data,
                configuration,
                identity,
                node => WelcomeAsync(call, node, data, founded, Wanted(call), cancellation),
                cancellation
            );
        }
    }

    // What a first manager is unless told otherwise; written into its file, so that a restart needs no flags.
    private static IEnumerable<(Setting Setting, JsonNode? Value)> Defaults(Call call)
    {
        var read = NodeOptions.Read(call);
        var chosen = new List<(Setting, JsonNode?)>();
        if (IsDefault(read, SettingsTable.Profile))
        {
            var alone = call.Get(s_workers) == 0 && call.Get(s_balancers) == 0;
            chosen.Add((SettingsTable.Profile, (alone ? Profile.AllInOne : Profile.ControlPlane).Name()));
        }

        if (IsDefault(read, SettingsTable.Name))
        {
            chosen.Add((SettingsTable.Name, "manager-1"));
        }

        if (IsDefault(read, SettingsTable.LocalMemberPort))
        {
            // The others are told this address: it must be the one that is really taken.
            chosen.Add((SettingsTable.LocalMemberPort, FreePort.From(read.Settings.Cluster.LocalMember.Port)));
        }

        if (IsDefault(read, SettingsTable.ManagementHosts))
        {
            chosen.Add((SettingsTable.ManagementHosts, new JsonArray("mgt.localhost")));
        }

        return NodeFile.FromFlags(read).Concat(chosen);
    }

    private static bool IsDefault(NodeConfiguration configuration, Setting setting) =>
        configuration.Value(setting).Origin == Origin.Default;

    private static (Profile Profile, int Count)[] Wanted(Call call) =>
        [(Profile.GatewayWorker, call.Get(s_workers)), (Profile.LoadBalancer, call.Get(s_balancers))];

    /// <summary>Makes the cluster that these settings describe; null for the usual name.</summary>
    public static async Task<NodeIdentity> FoundAsync(
        NodeSettings settings,
        DataDirectory data,
        string? cluster,
        CancellationToken cancellation
    )
    {
        if (!settings.Node.Profile.IsManager())
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                $"a cluster is founded by a manager, not by a {settings.Node.Profile.Name()}",
                fix: "use --profile control-plane, gateway-manager or all-in-one; other nodes come with 'gatehouse join TOKEN'"
            );
        }

        cluster ??= "gatehouse";
        if (!NodeNames.IsValid(cluster))
        {
            throw new CommandFailure(
                ExitCode.Usage,
                $"'{cluster}' cannot be the name of a cluster",
                fix: "use 1 to 63 lower-case letters, digits, dots and dashes, beginning and ending with a letter or digit"
            );
        }

        var host = settings.Node.Advertise ?? LocalAddress.OfThisMachine();
        var plan = new ClusterPlan
        {
            Cluster = cluster,
            Domain = settings.Cluster.Domain ?? DefaultDomain,
            Node = settings.Node.Name,
            Profile = settings.Node.Profile,
            Host = host,
            InternalAddress = new HostPort(host, settings.Listen.Internal.Port).ToString(),
            Members = settings.Cluster.Members.IsEmpty
                ?
                [
                    new HostPort(
                        settings.Cluster.LocalMember.Host ?? host,
                        settings.Cluster.LocalMember.Port
                    ).ToString(),
                ]
                : [.. settings.Cluster.Members.Select(member => $"{member.HostPattern}:{member.Port}")],
            GatewayHosts = settings.Hosts.Gateway,
            ManagementHosts = settings.Hosts.Management,
        };
        using var database = ConfiguredDatabase.Of(settings, data.Path);
        try
        {
            return await Founding.FoundAsync(data.Path, database, plan, TimeProvider.System, cancellation);
        }
        catch (InvalidOperationException e) when (CatalogueDatabase.TroubleOf(e) is null)
        {
            throw new CommandFailure(ExitCode.Conflict, e.Message, data.Path, cause: e);
        }
        catch (Exception e) when (CatalogueDatabase.TroubleOf(e) is { } trouble)
        {
            throw ConfiguredDatabase.Failure(database, trouble, e);
        }
    }

    /// <summary>Signs this user in and prints what an operator of a new cluster needs, once; a restart says that it runs.</summary>
    public static async Task WelcomeAsync(
        Call call,
        RunningNode node,
        DataDirectory data,
        bool founded,
        IEnumerable<(Profile Profile, int Count)> wanted,
        CancellationToken cancellation
    )
    {
        var services = node.Manager!.Services;
        var manager = ManagementUrl.Of(node.Context);
        if (!founded && call.Output.Format == OutputFormat.Table)
        {
            call.Output.Say($"{node.Context.Identity.Node} runs again: {manager}");
            return;
        }

        var actor = new Actor("init", "this machine");
        var access = services.GetRequiredService<AccessTokens>();
        var code = await access.CreateSignInCodeAsync("admin", Roles.Admin, actor, cancellation);
        var token = await access.IssueAsync("admin", Roles.Admin, actor, cancellation);
        SaveCredentials(call, node, manager, token.Token);

        var tokens = new List<WelcomeToken>();
        foreach (var (profile, count) in wanted)
        {
            for (var i = 0; founded && i < count; i++)
            {
                var grant = await services
                    .GetRequiredService<NodeRegistry>()
                    .CreateTokenAsync(profile, null, actor, cancellation);
                tokens.Add(
                    new(
                        grant.Node,
                        profile.Name(),
                        services.GetRequiredService<ManagementOptions>().EncodeJoinToken(grant)
                    )
                );
            }
        }

        var welcome = new Welcome(
            node.Context.Identity.Cluster,
            manager,
            NodeControl.LinkOf(node.Context, code),
            ClusterKey.PathFor(data.Path),
            Path.Combine(data.Path, "pki", "ca.crt"),
            token.Token,
            tokens
        );
        WelcomeText.Print(call, welcome, node.Context);
    }

    private static void SaveCredentials(Call call, RunningNode node, string manager, string token)
    {
        var path = Credentials.PathFor(call.Terminal);
        var context = new ManagerContext
        {
            Managers = [new Uri(manager)],
            Ca = string.Concat(node.Context.Identity.Authorities.Select(ca => ca.ExportCertificatePem() + "\n")),
            Token = token,
        };
        Credentials.Load(path).With(node.Context.Identity.Cluster, context).Save(path);
    }

    private static Option<int> Count(string name, string what)
    {
        var option = new Option<int>(name) { Description = $"Print join tokens for this many {what}", HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (
                result.Tokens.Count == 1
                && int.TryParse(result.Tokens[0].Value, out var count)
                && count is < 0 or > 100
            )
            {
                result.AddError($"{name} takes a number from 0 to 100; more tokens come with 'gatehouse token create'");
            }
        });
        return option;
    }
}

/// <summary>What a new cluster's operator is told.</summary>
/// <param name="Cluster">Its name.</param>
/// <param name="Manager">URL of console and REST.</param>
/// <param name="SignIn">Single-use link, 15 minutes.</param>
/// <param name="ClusterKey">The file to save.</param>
/// <param name="Authority">PEM of the certificate authority.</param>
/// <param name="AccessToken">Bearer token for REST; also in the user's credentials. Printed to programs only.</param>
/// <param name="Tokens">One join token per node asked for.</param>
internal sealed record Welcome(
    string Cluster,
    string Manager,
    string SignIn,
    string ClusterKey,
    string Authority,
    string AccessToken,
    IReadOnlyList<WelcomeToken> Tokens
);

/// <summary>A join token and whom it is for.</summary>
internal sealed record WelcomeToken(string Node, string Profile, string Token);
