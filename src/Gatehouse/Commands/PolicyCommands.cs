using System.CommandLine;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse policy list | show</c>: what this build has, without asking a manager.</summary>
internal static class PolicyCommands
{
    public static Command Create() =>
        new Command("policy", "Policies that an API can name, and their settings").With(List(), Show());

    private static Command List()
    {
        var markdown = new Option<bool>("--markdown") { Description = "Print the reference page instead" };
        return new Command("list", "List the policies")
            .With(markdown)
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
                            [.. PolicyKinds.All.Select(k => new Line(k.Name, PolicyReference.FlowsOf(k), k.Summary))],
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
        name.AcceptOnlyFromAmong([.. PolicyKinds.All.Select(k => k.Name)]);
        return new Command("show", "Print what a policy does, an example and the JSON schema of its settings")
            .With(name)
            .Does(
                (call, _) =>
                {
                    var kind = PolicyKinds.Find(call.Get(name)!)!;
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

    private sealed record Line(string Name, string Flows, string Summary);
}
