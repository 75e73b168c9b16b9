using System.CommandLine;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Gateway;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse policy list | show</c>: what this build has, and what plug-ins add, without asking a manager.</summary>
internal static class PolicyCommands
{
    private static readonly Option<string?> s_plugins = new("--plugins")
    {
        Description = "Folder of plug-ins whose policies belong to it, as a node's setting 'plugins'",
        HelpName = "DIR",
    };

    public static Command Create() =>
        new Command("policy", "Policies that an API can name, and their settings").With(List(), Show());

    private static Command List()
    {
        var markdown = new Option<bool>("--markdown") { Description = "Print the reference page instead" };
        return new Command("list", "List the policies")
            .With(markdown)
            .With(s_plugins)
            .Does(
                (call, _) =>
                {
                    if (call.Get(markdown))
                    {
                        call.Terminal.Out.Write(PolicyReference.Create());
                    }
                    else
                    {
                        call.Output.Items<Line>(
                            "Policy",
                            [.. Known(call).Select(k => new Line(k.Name, PolicyReference.FlowsOf(k), k.Summary))],
                            new("NAME", l => l.Name),
                            new("ACTS ON", l => l.Flows),
                            new("WHAT IT DOES", l => l.Summary)
                        );
                    }

                    return Task.CompletedTask;
                }
            );
    }

    private static Command Show()
    {
        var name = new Argument<string>("policy") { Description = "The policy", HelpName = "NAME" };
        return new Command("show", "Print what a policy does, an example and the JSON schema of its settings")
            .With(name)
            .With(s_plugins)
            .Does(
                (call, _) =>
                {
                    var known = Known(call);
                    var kind =
                        known.FirstOrDefault(k => k.Name == call.Get(name))
                        ?? throw new CommandFailure(
                            ExitCode.NotFound,
                            $"there is no policy '{call.Get(name)}'",
                            null,
                            PolicyKinds.IsPlugin(call.Get(name)!)
                                ? "it is a plug-in's: name the folder of plug-ins with --plugins DIR"
                                : $"gatehouse policy list shows all{(NearestName.Of(call.Get(name)!, [.. known.Select(k => k.Name)]) is { } nearest ? $"; did you mean '{nearest}'?" : "")}"
                        );
                    call.Output.Document(
                        new JsonObject
                        {
                            ["name"] = kind.Name,
                            ["summary"] = kind.Summary,
                            ["actsOn"] = PolicyReference.FlowsOf(kind),
                            ["example"] = new JsonObject
                            {
                                ["name"] = kind.Name,
                                ["settings"] = JsonNode.Parse(kind.Example),
                            },
                            ["schema"] = kind.Schema(),
                        }
                    );
                    return Task.CompletedTask;
                }
            );
    }

    // A plug-in that cannot be loaded fails the command: whoever names the folder wants to know.
    private static IReadOnlyList<PolicyKind> Known(Call call)
    {
        if (call.Get(s_plugins) is not { } folder)
        {
            return PolicyKinds.All;
        }

        var plugins = PluginSet.Load(Path.GetFullPath(folder));
        return plugins.Problems.IsEmpty
            ? [.. PolicyKinds.All, .. plugins.Kinds]
            : throw CommandFailure.Invalid("plug-ins cannot be loaded", plugins.Problems);
    }

    private sealed record Line(string Name, string Flows, string Summary);
}
