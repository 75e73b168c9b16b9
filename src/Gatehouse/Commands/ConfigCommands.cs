using System.CommandLine;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Configuration;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse config show | schema</c>.</summary>
internal static class ConfigCommands
{
    public static Command Create() => new Command("config", "Look at a node's configuration").With(Show(), Schema());

    private static Command Show()
    {
        var origin = new Option<bool>("--origin") { Description = "Also print where each value comes from" };
        var filter = new Option<string?>("--filter")
        {
            Description = "Only keys that begin with this, such as listen",
            HelpName = "PREFIX",
        };
        return new Command("show", "Print the settings a node on this machine would run with")
            .With(origin, filter)
            .With(HomeOption.All)
            .With(NodeOptions.All)
            .Does(
                (call, _) =>
                {
                    var configuration = NodeOptions.Read(call);
                    var prefix = call.Get(filter);
                    var lines = SettingsTable
                        .All.Where(s => prefix is null || s.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                        .Select(s => new Line(
                            s.Key,
                            s.Write(configuration.Effective(s)),
                            configuration.OriginOf(s),
                            s.Text(configuration.Effective(s)) ?? $"({s.DefaultText})"
                        ))
                        .ToList();
                    if (lines.Count == 0)
                    {
                        throw new CommandFailure(
                            ExitCode.NotFound,
                            $"no key begins with '{prefix}'",
                            fix: SettingNames.SuggestAnywhere(prefix!)
                        );
                    }

                    Print(call, lines, call.Get(origin));
                    return Task.CompletedTask;
                }
            );
    }

    private static void Print(Call call, List<Line> lines, bool withOrigin)
    {
        if (call.Output.Format == OutputFormat.Table)
        {
            Column<Line>[] columns = [new("KEY", l => l.Key), new("VALUE", l => l.Text)];
            call.Output.Items("Setting", lines, withOrigin ? [.. columns, new("FROM", l => l.Origin)] : columns);
        }
        else if (withOrigin)
        {
            call.Output.Items(
                "Setting",
                [
                    .. lines.Select(l => new
                    {
                        l.Key,
                        l.Value,
                        l.Origin,
                    }),
                ]
            );
        }
        else
        {
            call.Output.Document(Tree(lines));
        }
    }

    // Shaped like gatehouse.yaml, so that -o yaml makes one.
    private static JsonObject Tree(IEnumerable<Line> lines)
    {
        var root = new JsonObject();
        foreach (var line in lines.Where(l => l.Value is not null))
        {
            var section = root;
            var parts = line.Key.Split('.');
            foreach (var part in parts[..^1])
            {
                if (section[part] is not JsonObject inner)
                {
                    section[part] = inner = [];
                }

                section = inner;
            }

            section[parts[^1]] = line.Value;
        }

        return root;
    }

    private static Command Schema()
    {
        var markdown = new Option<bool>("--markdown") { Description = "Print the reference page instead" };
        return new Command("schema", "Print the JSON schema of gatehouse.yaml, for editors")
            .With(markdown)
            .Does(
                (call, _) =>
                {
                    if (call.Get(markdown))
                    {
                        call.Terminal.Out.Write(ConfigurationReference.Create());
                    }
                    else
                    {
                        call.Output.Document(ConfigurationSchema.Create());
                    }

                    return Task.CompletedTask;
                }
            );
    }

    private sealed record Line(string Key, JsonNode? Value, string Origin, string Text);
}
