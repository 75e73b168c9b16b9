using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Gatehouse.Demo;

/// <summary>One process of the demo: this same program with other arguments. It ends with its standard input, so with the demo, however that ends.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(8);

    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly Lock _logging = new();
    private readonly TaskCompletionSource<string> _document = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _output = [];

    private ChildProcess(string name, string logFile, Process process)
    {
        Name = name;
        LogFile = logFile;
        _process = process;
        _log = new(logFile, append: true) { AutoFlush = true };
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Name { get; }

    /// <summary>Where its output goes.</summary>
    public string LogFile { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>The JSON document it prints first; for a manager its welcome.</summary>
    public Task<string> Document => _document.Task;

    /// <summary>Completes when the process has ended.</summary>
    public Task Exited => _process.WaitForExitAsync();

    public static ChildProcess Start(string name, string logFile, IEnumerable<string> arguments)
    {
        var (program, prefix) = Self();
        var start = new ProcessStartInfo(program, [.. prefix, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NO_COLOR"] = "1";
        // Instrumenting code for later optimisation pays off for a node that lives for weeks; a demo wants to start.
        start.Environment["DOTNET_TieredPGO"] = "0";
        return new(name, logFile, new Process { StartInfo = start });
    }

    /// <summary>Says one line on its standard input.</summary>
    public async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>The end of its log, for an error message.</summary>
    public string LastWords()
    {
        lock (_logging)
        {
            return string.Join('\n', _output.TakeLast(6));
        }
    }

    /// <summary>Asks it to stop; kills it when it does not within eight seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _ = Kill(_process.Id, Terminate);
            using var deadline = new CancellationTokenSource(s_patience);
            await _process.WaitForExitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
                await _process.WaitForExitAsync();
            }
        }

        _process.Dispose();
        await _log.DisposeAsync();
    }

    // dotnet run and an installed build start the program itself; "dotnet gatehouse.dll" starts dotnet.
    private static (string Program, string[] Prefix) Self()
    {
        var program =
            Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
        return Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? (program, [typeof(ChildProcess).Assembly.Location])
            : (program, []);
    }

    // A manager's welcome is one JSON document over several lines: complete when it closes at the left edge.
    private void Take(string? line)
    {
        if (line is null)
        {
            _document.TrySetException(new IOException($"{Name} ended before it said anything:\n{LastWords()}"));
            return;
        }

        if (!_document.Task.IsCompleted)
        {
            lock (_logging)
            {
                _output.Add(line);
            }

            if (line == "}")
            {
                string text;
                lock (_logging)
                {
                    text = string.Join('\n', _output.SkipWhile(l => l != "{").TakeWhile(l => l != "}")) + "\n}";
                    _output.Clear();
                }

                _document.TrySetResult(text);
            }

            return;
        }

        Log(line);
    }

    private void Log(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_logging)
        {
            _output.Add(line);
            if (_output.Count > 50)
            {
                _output.RemoveAt(0);
            }

            _log.WriteLine(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
