using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Gatehouse.ClusterTests.Membership;

/// <summary>A member in a process of its own.</summary>
internal sealed class MemberProcess : IDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly List<string> _views = [""];

    private MemberProcess(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, e) => Take(e.Data);
        _process.ErrorDataReceived += (_, e) => Take(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The newest view, as the process prints it: <c>Up CLUSTER a=Up b=Unreachable</c>.</summary>
    public string View
    {
        get
        {
            lock (_views)
            {
                return _views[^1];
            }
        }
    }

    public string Log => string.Join('\n', _lines);

    /// <summary>Starts one, in a network namespace when one is named.</summary>
    public static MemberProcess Start(
        string folder,
        string node,
        string host,
        int port,
        string[] wellKnown,
        string? network = null
    )
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Gatehouse.MemberProcess.dll");
        string[] command =
        [
            .. network is null ? Array.Empty<string>() : ["ip", "netns", "exec", network],
            "dotnet",
            program,
            node,
            host,
            port.ToString(CultureInfo.InvariantCulture),
            folder,
            .. wellKnown,
        ];
        return new MemberProcess(
            new Process
            {
                StartInfo = new ProcessStartInfo(command[0], command[1..])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                },
            }
        );
    }

    /// <summary>
    /// How long it took until a view, from the present one on, satisfied the condition; one that has passed by the time this looks
    /// was seen all the same. Fails with the log when none does.
    /// </summary>
    public async Task<TimeSpan> SeesAsync(Func<string, bool> condition, int seconds)
    {
        var began = Stopwatch.GetTimestamp();
        int from;
        lock (_views)
        {
            from = _views.Count - 1;
        }

        while (true)
        {
            var isLast = Stopwatch.GetElapsedTime(began).TotalSeconds > seconds;
            lock (_views)
            {
                if (_views.Skip(from).Any(condition))
                {
                    return Stopwatch.GetElapsedTime(began);
                }

                from = _views.Count - 1;
            }

            if (isLast)
            {
                Assert.Fail($"not seen within {seconds} s; last view '{View}'\n{Log}");
            }

            await Task.Delay(20);
        }
    }

    public Task<TimeSpan> SeesUpAsync(int seconds, params string[] nodes) =>
        SeesAsync(
            v =>
                v.StartsWith("Up ", StringComparison.Ordinal)
                && nodes.All(n => v.Contains($" {n}=Up", StringComparison.Ordinal)),
            seconds
        );

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        _lines.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {line}");
        if (line.StartsWith("view ", StringComparison.Ordinal))
        {
            lock (_views)
            {
                _views.Add(line["view ".Length..]);
            }
        }
    }
}
