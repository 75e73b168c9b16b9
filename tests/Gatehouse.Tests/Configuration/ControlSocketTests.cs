using System.Net.Sockets;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Model;
using Gatehouse.Tests.Cli;

namespace Gatehouse.Tests.Configuration;

public sealed class ControlSocketTests : IAsyncDisposable
{
    private readonly Shell _shell = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task _serving = Task.CompletedTask;

    private string Data => _shell.Home;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _serving;
        _stopping.Dispose();
        _shell.Dispose();
    }

    [Fact]
    public async Task Reload_prints_what_was_applied_and_what_waits()
    {
        Serve(new ReloadOutcome(["log.level"], ["portOffset"], []).ToReply());

        var ran = await _shell.RunAsync("reload", "--data", Data);

        Assert.Equal(ExitCode.Done, ran.Code);
        Assert.Equal("applied       log.level\nneedsRestart  portOffset\n", ran.Out);
        Assert.Equal("applied log.level; needs a restart: portOffset\n", ran.Error);
    }

    [Fact]
    public async Task Reload_prints_every_problem_and_says_that_nothing_was_changed()
    {
        Serve(
            ReloadOutcome
                .Refused([new Problem("log.level", "'x' is not a log level", "write one", "/g.yaml", 3, 5)])
                .ToReply()
        );

        var ran = await _shell.RunAsync("reload", "--data", Data);

        Assert.Equal(ExitCode.Invalid, ran.Code);
        Assert.Equal(
            """
            error: 'x' is not a log level
              where  /g.yaml:3:5 (log.level)
              fix    write one
            nothing was changed: 1 problem in the configuration

            """,
            ran.Error
        );
    }

    [Fact]
    public async Task Where_no_node_runs_reload_says_so()
    {
        var ran = await _shell.RunAsync("reload", "--data", Data);

        Assert.Equal(ExitCode.Unreachable, ran.Code);
        Assert.StartsWith("error: no node runs on this data directory", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_who_talks_nonsense_or_hangs_up_does_not_stop_the_next()
    {
        Serve(new ControlReply(true, "well", new JsonObject { ["state"] = "serving" }));
        foreach (var nonsense in (string[])["", "hello\n", "{}\n", "{\"command\":"])
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(
                new UnixDomainSocketEndPoint(DataDirectory.ControlSocket(Data)),
                TestContext.Current.CancellationToken
            );
            await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes(nonsense), TestContext.Current.CancellationToken);
        }

        var ran = await _shell.RunAsync("status", "--data", Data);

        Assert.Equal("state  serving\n", ran.Out);
    }

    [Fact]
    public async Task A_node_that_fails_to_answer_says_why()
    {
        Serve(_ => throw new InvalidOperationException("the disk is full"));

        var ran = await _shell.RunAsync("reload", "--data", Data);

        Assert.Equal(ExitCode.Failed, ran.Code);
        Assert.Contains("the node failed to reload: the disk is full", ran.Error, StringComparison.Ordinal);
    }

    private void Serve(ControlReply reply) => Serve(_ => reply);

    // Up to its first accept ServeAsync runs here, so that a client finds it listening.
    private void Serve(Func<ControlRequest, ControlReply> answer) =>
        _serving = ControlSocket.ServeAsync(Data, (request, _) => Task.FromResult(answer(request)), _stopping.Token);
}
