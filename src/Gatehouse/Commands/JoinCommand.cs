using System.Collections.Immutable;
using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Gatehouse.Nodes;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse join TOKEN</c>: makes this machine a node of a cluster and runs it. With an identity, it restarts it.</summary>
internal static class JoinCommand
{
    private static readonly Argument<string> s_token = new("TOKEN")
    {
        Description = "Join token from 'gatehouse init' or 'gatehouse token create'; - reads it from standard input",
    };

    public static Command Create() =>
        new Command("join", "Join a cluster with a token and run the node; the same command restarts it")
            .With(s_token)
            .With(StopWithInput.Option)
            .With(NodeOptions.All)
            .Does(NodeStart.InOrder(RunAsync));

    private static async Task<ExitCode> RunAsync(Call call, CancellationToken cancellation)
    {
        using var data = DataDirectory.Open(NodeOptions.DataPath(call));
        var identity = NodeIdentity.Load(data.Path);
        // A manager that died between its certificate and the cluster key asks for the key again.
        if (identity is null || (identity.Profile.IsManager() && !File.Exists(ClusterKey.PathFor(data.Path))))
        {
            var token = await ReadTokenAsync(call, cancellation);
            InlineCompletions.EnableFor(token.Profile);
            // Name and profile are the token's; everything else may come from file, environment and flags.
            NodeFile.WriteOnce(
                data,
                [
                    (SettingsTable.Profile, token.Profile.Name()),
                    (SettingsTable.Name, token.Node),
                    .. NodeFile.FromFlags(NodeOptions.Read(call)),
                ]
            );
            identity = await EnrolAsync(call, data, token, cancellation);
        }

        using (identity)
        {
            InlineCompletions.EnableFor(identity.Profile);
            return await NodeStart.ServeAsync(
                call,
                data,
                NodeOptions.Read(call),
                identity,
                node =>
                {
                    call.Output.Say(
                        $"{identity.Node} ({identity.Profile.Name()}) runs and is a node of '{identity.Cluster}'"
                    );
                    return Task.CompletedTask;
                },
                cancellation
            );
        }
    }

    private static async Task<JoinToken> ReadTokenAsync(Call call, CancellationToken cancellation)
    {
        var text = call.Get(s_token);
        return Decode(text == "-" ? await Console.In.ReadLineAsync(cancellation) : text);
    }

    /// <summary>The token, or a failure that says what is wrong with the text and never repeats it.</summary>
    public static JoinToken Decode(string? text)
    {
        try
        {
            return JoinToken.Decode(text);
        }
        catch (FormatException e)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                e.Message,
                fix: "copy the whole token that 'gatehouse init' or 'gatehouse token create' printed",
                cause: e
            );
        }
    }

    /// <summary>Joins with the token, and waits for a manager as long as it takes.</summary>
    public static async Task<NodeIdentity> EnrolAsync(
        Call call,
        DataDirectory data,
        JoinToken token,
        CancellationToken cancellation
    )
    {
        var settings = NodeOptions.Read(call).Settings;
        if (token.Profile.IsManager() && settings.Database.Provider == DatabaseProvider.Sqlite)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                "a manager that joins shares the catalogue of the others, and this one's configuration names no database",
                fix: "set database.provider to postgresql, and database.host, name, user and passwordFile as on the other managers; they may be written into a file for --config"
            );
        }

        using var logging = new NodeLogging(settings.Log);
        var client = new JoinClient(TimeProvider.System, logging.Factory);
        var facts = new NodeFacts
        {
            Host = settings.Node.Advertise ?? LocalAddress.TowardsAny(token.Addresses),
            InternalPort = settings.Listen.Internal.Port,
            SubDomain = settings.Node.SubDomain,
        };
        var attempt = 0;
        while (true)
        {
            try
            {
                return await client.JoinAsync(data.Path, token, facts, VersionCommand.Current, cancellation);
            }
            catch (JoinException e) when (e.Failure is JoinFailure.CannotReach or JoinFailure.ManagerFailed)
            {
                // Nodes may be started in any order: the manager may come later than its workers.
                if (attempt++ == 0)
                {
                    call.Output.Say($"Waiting for a manager at {string.Join(", ", token.Addresses)}: {e.Message}");
                }

                await Task.Delay(TimeSpan.FromSeconds(Math.Min(0.2 * attempt, 3)), cancellation);
            }
            catch (JoinException e)
            {
                throw new CommandFailure(ExitCode.NotAllowed, e.Message, cause: e);
            }
        }
    }
}
