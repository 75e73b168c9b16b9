using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Gatehouse.Nodes;
using Gatehouse.Wso2;

namespace Gatehouse.Commands;

/// <summary>
/// <c>gatehouse run --wso2-home DIR</c>: the node that an old home describes. A manager founds its cluster on its first start;
/// any other node asks the manager of its domain for its certificate and waits until there is one. The same command restarts.
/// </summary>
internal static class HomeRun
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    public static async Task<ExitCode> RunAsync(Call call, HomeSource source, CancellationToken cancellation)
    {
        using var data = DataDirectory.Open(NodeOptions.DataPath(call));
        var settings = NodeOptions.Read(call).Settings;
        var home = source.Read();
        Tell(call, home, settings, data);
        InlineCompletions.EnableFor(settings.Node.Profile);
        var identity = NodeIdentity.Load(data.Path);
        var isNew = identity is null;
        if (identity is null)
        {
            identity = settings.Node.Profile.IsManager()
                ? await FoundAsync(call, source, data, cancellation)
                : await JoinAsync(call, source, home, data, settings, cancellation);
            // A worker's sockets call back on the thread that polls them; the whole node must not be started on it.
            await Task.Yield();
        }

        using (identity)
        {
            return await NodeStart.ServeAsync(
                call,
                data,
                NodeOptions.Read(call),
                identity,
                node => ReadyAsync(call, node, data, isNew, cancellation),
                cancellation
            );
        }
    }

    // What the operator has to know of the home before the node runs; the whole report is what import makes.
    private static void Tell(Call call, Home home, NodeSettings settings, DataDirectory data)
    {
        call.Output.Say($"{home.Directory}: {home.Settings.Length} settings of its files; data in {data.Path}");
        foreach (
            var (note, places) in home
                .Log.Findings.Where(f => f.Outcome == Outcome.Dangerous)
                .GroupBy(f => f.Note, (note, of) => (note, of.ToList()))
        )
        {
            var more = places.Count > 1 ? $" and {places.Count - 1} more places" : "";
            call.Output.Warn($"{places[0].Place}{more}: {note}");
        }

        var left = home.Log.Findings.Count(f => f.Outcome == Outcome.NeedsYou);
        if (left > 0)
        {
            call.Output.Say(
                $"{left} settings of the home have no counterpart that could be set for you; 'gatehouse import wso2 {home.Directory}' names them"
            );
        }

        if (home.Artifacts.IsEmpty)
        {
            return;
        }

        if (settings.Node.Profile.IsManager())
        {
            call.Output.Say(
                $"{home.Artifacts.Length} old artifacts are in the home; to take them over: gatehouse import wso2 {home.Directory}"
            );
            return;
        }

        call.Output.Warn(
            $"{home.Artifacts.Length} old artifacts in this worker's home are neither served nor deleted: what a worker serves comes from the managers"
        );
        foreach (var artifact in home.Artifacts)
        {
            call.Output.Say($"  {artifact}");
        }
    }

    private static async Task<NodeIdentity> FoundAsync(
        Call call,
        HomeSource source,
        DataDirectory data,
        CancellationToken cancellation
    )
    {
        var settings = NodeOptions.Read(call).Settings;
        var domain = settings.Cluster.Domain;
        if (
            domain is not null
            && ManagerCard.Load(ManagerCard.PathFor(call.Terminal, domain)) is { } other
            && DataDirectory.HolderOf(other.DataDirectory) is not null
        )
        {
            throw new CommandFailure(
                ExitCode.Conflict,
                $"the domain '{domain}' has a manager on this machine already: {other.Node} at {other.Address}",
                other.DataDirectory,
                "start this home with -Dprofile=gateway-worker, or give it another domain in axis2.xml; a second manager joins with a token: gatehouse token create --profile control-plane"
            );
        }

        Name(data, NameOf(source) ?? "manager-1");
        var cluster = domain?.ToLowerInvariant();
        return await InitCommand.FoundAsync(
            NodeOptions.Read(call).Settings,
            data,
            NodeNames.IsValid(cluster) ? cluster : null,
            cancellation
        );
    }

    private static async Task<NodeIdentity> JoinAsync(
        Call call,
        HomeSource source,
        Home home,
        DataDirectory data,
        NodeSettings settings,
        CancellationToken cancellation
    )
    {
        var given =
            call.Get(RunCommand.JoinToken)
            ?? (call.Terminal.Environment("GATEHOUSE_JOIN_TOKEN") is { Length: > 0 } text ? text : home.JoinToken);
        var token = given is not null
            ? JoinCommand.Decode(given)
            : await AskAsync(call, source, settings, cancellation);
        await Task.Yield();
        Name(data, token.Node);
        return await JoinCommand.EnrolAsync(call, data, token, cancellation);
    }

    // The manager of this domain, of this user, on this machine. It may come later than its workers.
    private static async Task<JoinToken> AskAsync(
        Call call,
        HomeSource source,
        NodeSettings settings,
        CancellationToken cancellation
    )
    {
        var domain = settings.Cluster.Domain ?? "wso2.am.domain";
        var path = ManagerCard.PathFor(call.Terminal, domain);
        string? said = null;
        while (true)
        {
            string waitsFor;
            if (ManagerCard.Load(path) is not { } card)
            {
                waitsFor =
                    $"Waiting for the manager of '{domain}' to be started by this user on this machine; it leaves {path}. "
                    + $"For one on another machine: 'gatehouse token create --profile {settings.Node.Profile.Name()}' there, and --join-token TOKEN here";
            }
            else
            {
                try
                {
                    var reply = await ControlSocket.AskAsync(
                        card.DataDirectory,
                        new(
                            "join-token",
                            new JsonObject { ["profile"] = settings.Node.Profile.Name(), ["node"] = NameOf(source) }
                        ),
                        TimeSpan.FromSeconds(10),
                        cancellation
                    );
                    if (reply is { Done: true, Data: { } answer })
                    {
                        return JoinCommand.Decode((string?)answer["token"]);
                    }

                    waitsFor = $"Waiting for the manager {card.Node}: {reply.Summary}";
                }
                catch (CommandFailure failure) when (failure.Code is not ExitCode.Interrupted)
                {
                    waitsFor =
                        $"Waiting for the manager {card.Node} of '{domain}': {failure.Message} ({card.DataDirectory})";
                }
            }

            if (waitsFor != said)
            {
                call.Output.Say(waitsFor);
                said = waitsFor;
            }

            await Task.Delay(s_pause, cancellation);
        }
    }

    private static async Task ReadyAsync(
        Call call,
        RunningNode node,
        DataDirectory data,
        bool isNew,
        CancellationToken cancellation
    )
    {
        if (node.Manager is null)
        {
            var identity = node.Context.Identity;
            call.Output.Say($"{identity.Node} ({identity.Profile.Name()}) runs and is a node of '{identity.Cluster}'");
            return;
        }

        var card = ManagerCard.Of(node.Context);
        card.Save(ManagerCard.PathFor(call.Terminal, card.Domain));
        await InitCommand.WelcomeAsync(call, node, data, isNew, [], cancellation);
    }

    // The one thing the old files do not say. From then on it is the operator's file.
    private static void Name(DataDirectory data, string name) =>
        NodeFile.WriteOnce(data, [(SettingsTable.Name, (JsonNode)name)]);

    private static string? NameOf(HomeSource source)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(source.Directory)).ToLowerInvariant();
        return NodeNames.IsValid(name) ? name : null;
    }
}
