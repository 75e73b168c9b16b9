using Gatehouse.Cli;
using Gatehouse.Client;

namespace Gatehouse.Tests.Cli;

public sealed class UsageTests : IDisposable
{
    private readonly Shell _shell = new();

    public void Dispose() => _shell.Dispose();

    [Theory]
    [InlineData("stauts", "did you mean 'gatehouse status'?")]
    [InlineData("nods", "did you mean 'gatehouse node'?")]
    [InlineData("xyzzy", "'gatehouse --help' lists what there is")]
    public async Task An_unknown_command_is_named_with_the_nearest_one(string typed, string fix)
    {
        var ran = await _shell.RunAsync(typed);

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.Equal($"error: unknown command '{typed}'\n  fix    {fix}\n", ran.Error);
        Assert.Empty(ran.Out);
    }

    [Fact]
    public async Task An_unknown_subcommand_is_suggested_with_its_noun()
    {
        var ran = await _shell.RunAsync("node", "drian");

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.Contains("did you mean 'gatehouse node drain'?", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_option_is_named_with_the_nearest_one()
    {
        var ran = await _shell.RunAsync("status", "--manger", "https://x");

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.StartsWith(
            "error: unknown option '--manger'\n  fix    did you mean '--manager'?",
            ran.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_noun_without_a_verb_lists_the_verbs()
    {
        var ran = await _shell.RunAsync("token");

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.Contains("use one of: create, list, revoke", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_argument_is_a_usage_error()
    {
        var ran = await _shell.RunAsync("node", "show");

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.StartsWith("error: ", ran.Error, StringComparison.Ordinal);
        Assert.Contains("gatehouse node show --help", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_profile_lists_the_profiles()
    {
        var ran = await _shell.RunAsync("token", "create", "--profile", "gateway-wroker");

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.Contains(
            "error: 'gateway-wroker' is not a profile\n  fix    did you mean 'gateway-worker'?\n",
            ran.Error,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("usage --by planet", "--by cannot be 'planet'", "use one of: api, application, ")]
    [InlineData("limit show planet x", "FOR cannot be 'planet'", "use one of: api, application, key")]
    [InlineData("user sign-up planet", "MODE cannot be 'planet'", "use one of: ")]
    [InlineData("user create ann --role planet", "--role cannot be 'planet'", "use one of: ")]
    [InlineData("status -o planet", "'planet' is not an output format", "use table, json or yaml")]
    [InlineData("doc put api name --type planet", "'planet' is no type of document", "use one of how-to, samples, ")]
    [InlineData("cert rotate-ca --until planet", "'planet' is no stage to stop after", "use trust or issue")]
    [InlineData("rollback api planet", "'planet' is no revision", "write r3")]
    [InlineData("usage --since planet", "'planet' is no length of time", "write 45s, 30m, 24h or 90d")]
    public async Task A_value_that_is_none_of_those_is_told_with_what_there_is(string line, string what, string fix)
    {
        var ran = await _shell.RunAsync(line.Split(' '));

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.StartsWith($"error: {what}\n  fix    {fix}", ran.Error, StringComparison.Ordinal);
        Assert.Equal(2, ran.Error.Count(c => c == '\n'));
    }

    [Fact]
    public void Every_command_that_lists_names_is_one()
    {
        Assert.All(
            NameLists.Commands.Values,
            line => Assert.Empty(CommandLine.Create().Parse(line.Split(' ')[1..]).Errors)
        );
        Assert.Equal("'gatehouse node list' lists the names", NameLists.FixFor("There is no node 'nobody'"));
        Assert.Null(NameLists.FixFor("There is no weather 'nice'"));
    }

    [Fact]
    public async Task A_command_that_needs_a_manager_says_how_to_sign_in()
    {
        var ran = await _shell.RunAsync("status");

        Assert.Equal(ExitCode.NotAllowed, ran.Code);
        Assert.Equal(
            $"""
            error: not signed in to any cluster
              where  {_shell.CredentialsPath}
              fix    run 'gatehouse login LINK' with the link that 'gatehouse init' printed, or start one with 'gatehouse demo'

            """,
            ran.Error
        );
    }

    [Fact]
    public async Task Several_mistakes_are_told_at_once()
    {
        var ran = await _shell.RunAsync("usage", "--by", "planet", "--since", "planet");

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.Contains(
            "error: --by cannot be 'planet'\n  fix    use one of: api",
            ran.Error,
            StringComparison.Ordinal
        );
        Assert.Contains("error: 'planet' is no length of time\n  fix    write", ran.Error, StringComparison.Ordinal);
        Assert.EndsWith("2 mistakes on the command line\n", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Colours_go_to_a_screen_only_and_never_with_no_color()
    {
        using var screen = new Shell { Interactive = true };
        var coloured = await screen.RunAsync("status");
        var asked = await screen.RunAsync("status", "--no-color");
        screen.Environment["NO_COLOR"] = "1";
        var environment = await screen.RunAsync("status");
        var piped = await _shell.RunAsync("status");

        Assert.Contains('\e', coloured.Error);
        Assert.All([asked, environment, piped], ran => Assert.DoesNotContain('\e', ran.Error));
    }

    [Fact]
    public async Task Every_command_has_help()
    {
        foreach (var path in Paths(CommandLine.Create(), []))
        {
            var ran = await _shell.RunAsync([.. path, "--help"]);

            Assert.Equal(ExitCode.Done, ran.Code);
            Assert.Contains("Usage:", ran.Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_command_and_option_says_what_it_is_for()
    {
        foreach (var command in All(CommandLine.Create()))
        {
            Assert.False(string.IsNullOrEmpty(command.Description), command.Name);
            Assert.All(
                command.Options.Where(o => !o.Hidden),
                option => Assert.False(string.IsNullOrEmpty(option.Description), option.Name)
            );
        }
    }

    private static IEnumerable<string[]> Paths(System.CommandLine.Command command, string[] above) =>
        command.Subcommands.Where(c => !c.Hidden).SelectMany(c => Paths(c, [.. above, c.Name])).Prepend(above);

    private static IEnumerable<System.CommandLine.Command> All(System.CommandLine.Command command) =>
        command.Subcommands.SelectMany(All).Prepend(command);
}
