using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

public sealed partial class DemoTests : ClusterTest
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("gatehouse-home-");

    [Fact]
    public async Task The_demo_prints_a_curl_line_that_works_and_Ctrl_C_leaves_nothing()
    {
        await using var demo = Start();
        var (line, directory) = await ReadyAsync(demo);

        var (code, output) = await PasteAsync(line);
        var withToken = string.Join(
            '\n',
            demo.Output.Split('\n').Where(l => l.Contains("TOKEN", StringComparison.Ordinal)).Select(l => l.Trim())
        );
        var (tokenCode, tokenOutput) = await PasteAsync(withToken);

        Assert.True(code == 0, output);
        Assert.Contains("Mochi", output, StringComparison.Ordinal);
        Assert.True(tokenCode == 0, tokenOutput);
        Assert.Contains("Mochi", tokenOutput, StringComparison.Ordinal);
        Assert.Equal(5, ProcessesOf(directory).Count);
        foreach (var row in new[] { "manager-1", "worker-1", "worker-2", "balancer-1" })
        {
            // On the other output, which is read beside the one with the lines above.
            await demo.SaysAsync(row);
        }

        Print(demo.Output.Split('\n').First(l => l.StartsWith("First answer", StringComparison.Ordinal)));
        var (status, _, text) = await StatusAsync();
        Assert.True(status == 0, text);

        demo.Signal(PosixSignalNumber.Interrupt);

        Assert.Equal(0, await demo.ExitedAsync());
        Assert.Empty(ProcessesOf(directory));
        Assert.False(Directory.Exists(directory), $"{directory} is still there");
        (status, _, _) = await StatusAsync();
        Assert.NotEqual(0, status);
    }

    [Fact]
    public async Task A_killed_demo_takes_its_processes_with_it()
    {
        await using var demo = Start();
        var (_, directory) = await ReadyAsync(demo);
        Assert.NotEmpty(ProcessesOf(directory));

        await demo.KillAsync();

        await Eventually.TrueAsync(
            () => ProcessesOf(directory).Count == 0,
            TimeSpan.FromSeconds(60),
            () => $"no process of the demo is left: {string.Join('\n', ProcessesOf(directory))}"
        );
        Directory.Delete(directory, recursive: true);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _home.Delete(recursive: true);
    }

    private NodeProcess Start() =>
        NodeProcess.Start(
            ["demo", "--port-offset", Machine.TakeOffset().ToString(CultureInfo.InvariantCulture)],
            new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _home.FullName }
        );

    private async Task<(int, string, string)> StatusAsync()
    {
        await using var status = NodeProcess.Start(
            ["status"],
            new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _home.FullName }
        );
        var code = await status.ExitedAsync();
        return (code, status.StandardOutput, status.Output);
    }

    private static async Task<(string Line, string Directory)> ReadyAsync(NodeProcess demo)
    {
        await demo.SaysAsync("Bearer $TOKEN", TimeSpan.FromSeconds(150));
        var line = demo.Output.Split('\n').First(l => l.Contains("curl --cacert", StringComparison.Ordinal)).Trim();
        return (line, DirectoryOf().Match(line).Groups[1].Value);
    }

    /// <summary>Runs the line as a user who pastes it.</summary>
    private static async Task<(int Code, string Output)> PasteAsync(string line)
    {
        using var shell = Process.Start(
            new ProcessStartInfo("bash", ["-c", line]) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var output = await shell.StandardOutput.ReadToEndAsync();
        var error = await shell.StandardError.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.SkipWhen(shell.ExitCode == 127, "curl is not installed");
        return (shell.ExitCode, output + error);
    }

    /// <summary>Command lines of the nodes and the backend that belong to a demo's directory.</summary>
    private static List<string> ProcessesOf(string directory)
    {
        var all = Directory
            .EnumerateDirectories("/proc")
            .Where(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out _))
            .Select(path => (Path: path, Line: CommandLineOf(path)))
            .ToList();
        return
        [
            .. all.Where(p => p.Line.Contains("--stop-with-stdin", StringComparison.Ordinal))
                .Where(p => p.Line.Contains(directory, StringComparison.Ordinal) || IsBackendOf(p.Path, directory))
                .Select(p => p.Line),
        ];
    }

    // The backend has no data directory; its log is the demo's.
    private static bool IsBackendOf(string process, string directory) =>
        CommandLineOf(process).Contains("sample-backend", StringComparison.Ordinal)
        && ParentLineOf(process).Contains("--port-offset", StringComparison.Ordinal)
        && Directory.Exists(directory);

    private static string ParentLineOf(string process)
    {
        try
        {
            var status = File.ReadAllLines(Path.Combine(process, "status"));
            var parent = status.First(l => l.StartsWith("PPid:", StringComparison.Ordinal))[5..].Trim();
            return CommandLineOf($"/proc/{parent}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string CommandLineOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    [GeneratedRegex(@"--cacert (\S+)/manager-1/")]
    private static partial Regex DirectoryOf();
}
