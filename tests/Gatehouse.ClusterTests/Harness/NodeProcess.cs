using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>One real <c>gatehouse</c> process: its output is kept, signals reach it, and it ends with the test.</summary>
internal sealed partial class NodeProcess : IAsyncDisposable
{
    private static readonly string s_executable = Path.Combine(AppContext.BaseDirectory, "gatehouse");
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _standardOutput = new();
    private readonly Process _process;
    private bool _disposed;

    private NodeProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) =>
        {
            // First here: whoever saw a line in all of the output finds it in this part of it too.
            if (line.Data is not null)
            {
                _standardOutput.Enqueue(line.Data);
            }

            Keep(line.Data);
        };
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Everything it printed so far, for the message of a failed assertion.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>What it printed on standard output alone, which is what scripts read.</summary>
    public string StandardOutput => string.Join('\n', _standardOutput);

    /// <summary>True once a line of output contained <paramref name="text"/>.</summary>
    public bool Said(string text) => _output.Any(line => line.Contains(text, StringComparison.Ordinal));

    /// <summary>Says one line on its standard input, which stays open.</summary>
    public async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Starts <c>gatehouse</c> with <paramref name="arguments"/>, inside the network namespace when one is named.</summary>
    public static NodeProcess Start(
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null,
        string? networkNamespace = null,
        IReadOnlyList<string>? prefix = null,
        string? executable = null
    )
    {
        List<string> words = networkNamespace is null ? [] : ["ip", "netns", "exec", networkNamespace];
        words.AddRange(prefix ?? []);
        words.Add(executable ?? s_executable);
        words.AddRange(arguments);
        var start = new ProcessStartInfo(words[0], words.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["NO_COLOR"] = "1";
        start.Environment["CI"] = "true";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return new(new Process { StartInfo = start });
    }

    /// <summary>Completes when a line of output contains <paramref name="text"/>. Fails with the whole output otherwise.</summary>
    public async Task SaysAsync(string text, TimeSpan? within = null)
    {
        await Eventually.TrueAsync(
            () => Said(text) || HasExited,
            within ?? TimeSpan.FromSeconds(90),
            () => $"'{text}' in:\n{Output}"
        );
        Assert.True(Said(text), $"The process ended without saying '{text}':\n{Output}");
    }

    /// <summary>Completes when the process has ended, with its exit code.</summary>
    public async Task<int> ExitedAsync(TimeSpan? within = null)
    {
        var patience = within ?? TimeSpan.FromSeconds(120);
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The process did not end within {patience.TotalSeconds} s:\n{Output}");
        }

        return _process.ExitCode;
    }

    public void Signal(PosixSignalNumber signal) => _ = Kill(_process.Id, (int)signal);

    /// <summary>SIGKILL to this process alone: no goodbye.</summary>
    public async Task KillAsync()
    {
        Signal(PosixSignalNumber.Kill);
        await _process.WaitForExitAsync();
    }

    /// <summary>Safe to call twice.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _output.Enqueue(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}

/// <summary>Linux signal numbers.</summary>
internal enum PosixSignalNumber
{
    Hangup = 1,
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
