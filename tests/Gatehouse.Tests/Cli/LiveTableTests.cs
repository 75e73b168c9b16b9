using Gatehouse.Cli;

namespace Gatehouse.Tests.Cli;

public sealed class LiveTableTests
{
    private static readonly Column<Row>[] s_columns = [new("NODE", r => r.Name), new("STATE", r => r.State)];

    [Fact]
    public async Task A_script_sees_one_line_per_change_on_standard_error()
    {
        var terminal = Terminal(interactive: false);
        var table = new LiveTable<Row>(terminal, s_columns, r => $"{r.Name} {r.State}");

        await table.ShowAsync(() =>
        {
            table.Set("a", new Row("a", "starting"));
            table.Set("b", new Row("b", "starting"));
            table.Set("a", new Row("a", "starting"));
            table.Set("a", new Row("a", "serving"));
            return Task.CompletedTask;
        });

        Assert.Equal("a starting\nb starting\na serving\n", terminal.Error.ToString());
        Assert.Equal("", terminal.Out.ToString());
    }

    [Fact]
    public async Task A_person_sees_the_last_state_of_every_row()
    {
        var terminal = Terminal(interactive: true);
        var table = new LiveTable<Row>(terminal, s_columns, r => r.State);

        await table.ShowAsync(() =>
        {
            table.Set("a", new Row("a", "starting"));
            table.Set("a", new Row("a", "serving"));
            table.Set("b", new Row("b\e[2J", "lost"));
            return Task.CompletedTask;
        });

        var screen = terminal.Out.ToString()!;
        Assert.Contains(
            "serving",
            screen[screen.LastIndexOf("NODE", StringComparison.Ordinal)..],
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("b\e[2J", screen, StringComparison.Ordinal); // what a node is called cannot clear the screen
        Assert.Equal("", terminal.Error.ToString());
    }

    private static Terminal Terminal(bool interactive) =>
        new()
        {
            Out = new StringWriter { NewLine = "\n" },
            Error = new StringWriter { NewLine = "\n" },
            Environment = _ => null,
            EnvironmentVariables = () => [],
            Interactive = interactive,
            Width = interactive ? 80 : null,
        };

    private sealed record Row(string Name, string State);
}
