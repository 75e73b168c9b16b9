using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Cli;

/// <summary>The files of <c>deploy/</c> that run a node as a service, and what a node tells systemd.</summary>
public sealed partial class ServiceFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-service-").FullName;

    [Theory]
    [InlineData("manager")]
    [InlineData("worker")]
    [InlineData("balancer")]
    public void A_unit_is_one_that_systemd_takes(string profile)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "systemd is not installed");
        var text = File.ReadAllText(Path.Combine(Repository(), "deploy", "systemd", $"gatehouse-{profile}.service"));
        var unit = Path.Combine(_folder, $"gatehouse-{profile}.service");
        // The program is not installed where tests run.
        File.WriteAllText(unit, text.Replace("/usr/bin/gatehouse", "/bin/true", StringComparison.Ordinal));

        var (code, said) = Run("systemd-analyze", "verify", unit);

        Assert.True(code == 0 && said.Length == 0, said);
        Assert.Contains("Type=notify", text, StringComparison.Ordinal);
        Assert.Contains("WatchdogSec=", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wso2server.sh")]
    [InlineData("debian/build.sh")]
    [InlineData("debian/check.sh")]
    public void A_script_is_one_that_sh_takes(string name)
    {
        var (code, said) = Run("sh", "-n", Path.Combine(Repository(), "deploy", name));

        Assert.True(code == 0, said);
    }

    [Fact]
    public void The_package_is_built_from_everything_that_the_projects_name()
    {
        var script = File.ReadAllText(Path.Combine(Repository(), "deploy", "debian", "build.sh"));
        var named = Directory
            .EnumerateFiles(Path.Combine(Repository(), "src"), "*.csproj", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines)
            .Select(line => Outside().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)
            .ToList();

        Assert.NotEmpty(named);
        Assert.All(named, folder => Assert.Contains($"cp -R {folder} ", script, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_says_that_it_is_ready_that_it_lives_and_that_it_stops()
    {
        var path = Path.Combine(_folder, "notify");
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(path));
        var environment = new Dictionary<string, string> { ["NOTIFY_SOCKET"] = path, ["WATCHDOG_USEC"] = "30000000" };
        var time = new FakeTimeProvider();
        var notice = new ServiceNotice(name => environment.GetValueOrDefault(name), time);
        using var stop = new CancellationTokenSource();

        notice.Ready("ready at epoch 3");
        var ready = await ReadAsync(systemd);
        var watch = notice.WatchAsync(() => "ready at epoch 4", stop.Token);
        time.Advance(TimeSpan.FromSeconds(15));
        var alive = await ReadAsync(systemd);
        await stop.CancelAsync();
        await watch;
        notice.Stopping();
        var stopping = await ReadAsync(systemd);

        Assert.StartsWith("READY=1\nSTATUS=ready at epoch 3\n", ready, StringComparison.Ordinal);
        Assert.Equal("WATCHDOG=1\nSTATUS=ready at epoch 4", alive);
        Assert.StartsWith("STOPPING=1", stopping, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_systemd_nothing_is_said_and_nothing_fails()
    {
        new ServiceNotice(_ => null, TimeProvider.System).Ready("");
        new ServiceNotice(_ => Path.Combine(_folder, "nobody"), TimeProvider.System).Ready("");
    }

    [GeneratedRegex("Include=\"\\.\\./\\.\\./([^\"]+)/[^/\"]+\"")]
    private static partial Regex Outside();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<string> ReadAsync(Socket socket)
    {
        var buffer = new byte[1024];
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, deadline.Token));
    }

    private static (int Code, string Said) Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
        )!;
        var said = process.StandardError.ReadToEnd() + process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, said.Trim());
    }

    private static string Repository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Gatehouse.slnx")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }
}
