using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse node config | log</c>: what a node says of itself, asked through a manager.</summary>
internal static class NodeInspectCommands
{
    public static Command Config(Func<Argument<string>> argument)
    {
        var name = argument();
        var filter = new Option<string?>("--filter")
        {
            Description = "Only keys that begin with this, such as listen",
            HelpName = "PREFIX",
        };
        return new Command("config", "Print the settings a node runs with, and the file and line each comes from")
            .With(name, filter)
            .Does(
                async (call, cancellation) =>
                {
                    var prefix = call.Get(filter) ?? "";
                    var settings = (await AskAsync(call, call.Get(name), cancellation)).Settings;
                    call.Output.Items(
                        "Setting",
                        [.. settings.Where(s => s.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))],
                        new Column<NodeSetting>("KEY", s => s.Key),
                        new Column<NodeSetting>("VALUE", s => s.Text),
                        new Column<NodeSetting>("FROM", s => s.From)
                    );
                }
            );
    }

    public static Command Log(Func<Argument<string>> argument)
    {
        var name = argument();
        var lines = new Option<int>("--lines")
        {
            Description = "How many of the newest lines",
            HelpName = "N",
            DefaultValueFactory = _ => 100,
        };
        return new Command("log", "Print the newest lines of a node's log")
            .With(name, lines)
            .Does(
                async (call, cancellation) =>
                {
                    var log = (await AskAsync(call, call.Get(name), cancellation)).Log;
                    call.Output.Items(
                        "LogLine",
                        [.. log.TakeLast(Math.Max(0, call.Get(lines)))],
                        new Column<NodeLogLine>(
                            "AT",
                            l => l.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)
                        ),
                        new Column<NodeLogLine>("LEVEL", l => l.Level),
                        new Column<NodeLogLine>("MESSAGE", l => l.Message)
                    );
                }
            );
    }

    private static Task<NodeInspection> AskAsync(Call call, string node, CancellationToken cancellation) =>
        call.Manager.GetInspectionOfNodeAsync(node, cancellation);
}
