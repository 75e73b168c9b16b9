using Gatehouse.Cli;
using Gatehouse.Client;

namespace Gatehouse.Tests.Cli;

public sealed class CredentialsTests : IDisposable
{
    private static readonly ManagerContext s_context = new()
    {
        Managers = [new Uri("https://mgr-1:9443"), new Uri("https://mgr-2:9443")],
        Ca = "pem",
        Token = "secret",
    };

    private readonly Shell _shell = new();

    public void Dispose() => _shell.Dispose();

    [Fact]
    public void What_was_saved_is_loaded_again()
    {
        new Credentials().With("prod", s_context).Save(_shell.CredentialsPath);

        var loaded = Credentials.Load(_shell.CredentialsPath);

        Assert.Equal("prod", loaded.Current);
        Assert.Equal(s_context.Managers, loaded.Contexts["prod"].Managers);
        Assert.Equal("secret", loaded.Contexts["prod"].Token);
    }

    [Fact]
    public void Only_the_owner_may_read_file_and_folder()
    {
        new Credentials().With("prod", s_context).Save(_shell.CredentialsPath);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_shell.CredentialsPath));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(Path.GetDirectoryName(_shell.CredentialsPath)!)
        );
    }

    [Fact]
    public async Task A_file_that_others_can_read_is_refused()
    {
        new Credentials().With("prod", s_context).Save(_shell.CredentialsPath);
        File.SetUnixFileMode(
            _shell.CredentialsPath,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead
        );

        var ran = await _shell.RunAsync("status");

        Assert.Equal(ExitCode.NotAllowed, ran.Code);
        Assert.Contains("can be read by other users", ran.Error, StringComparison.Ordinal);
        Assert.Contains($"chmod 600 {_shell.CredentialsPath}", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_file_is_named_with_the_line()
    {
        new Credentials().Save(_shell.CredentialsPath);
        File.WriteAllText(_shell.CredentialsPath, "{\n  \"current\": 7\n}");

        var ran = await _shell.RunAsync("status");

        Assert.Equal(ExitCode.Invalid, ran.Code);
        Assert.Contains($"{_shell.CredentialsPath}:2:", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_users_config_home_is_honoured()
    {
        var terminal = new Terminal
        {
            Out = TextWriter.Null,
            Error = TextWriter.Null,
            Environment = name => name == "XDG_CONFIG_HOME" ? "/etc/xdg-test" : "/home/me",
            EnvironmentVariables = () => [],
        };

        Assert.Equal("/etc/xdg-test/gatehouse/credentials.json", Credentials.PathFor(terminal));
    }

    [Fact]
    public void Leaving_the_current_cluster_leaves_none_current()
    {
        var credentials = new Credentials().With("prod", s_context).With("test", s_context).Without("test");

        Assert.Null(credentials.Current);
        Assert.Equal(["prod"], credentials.Contexts.Keys);
    }

    [Theory]
    [InlineData("https://mgr-1:9443/#code=abc&ca=00ff", "abc", "00ff")]
    [InlineData("https://mgr-1:9443/#code=abc", "abc", null)]
    public void A_sign_in_link_is_read_as_it_is_written(string text, string code, string? pin)
    {
        var link = SignInLink.Parse(text);

        Assert.Equal(new Uri("https://mgr-1:9443"), link.Manager);
        Assert.Equal((code, pin), (link.Code, link.Pin));
        Assert.Equal(text, link.ToString());
    }

    [Theory]
    [InlineData("https://mgr-1:9443/")]
    [InlineData("https://mgr-1:9443/#ca=00")]
    [InlineData("http://mgr-1:9763/#code=abc")]
    public void A_link_that_was_cut_or_is_not_encrypted_is_a_usage_error(string text) =>
        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandFailure>(() => SignInLink.Parse(text)).Code);
}
