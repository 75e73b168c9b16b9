#pragma warning disable CA1822 // skeleton
namespace Gatehouse.Gateway;

/// <summary>A log with a JSON line per request, written by a thread of its own. Never slows a request: lines that do not fit are dropped and counted.</summary>
public sealed class AccessLog : IAsyncDisposable
{
    /// <summary>Logs to <paramref name="path"/>, appending; <c>-</c> is standard output.</summary>
    public AccessLog(string path, int capacity = 16 * 1024)
    {
        _ = path;
        _ = capacity;
    }

    /// <summary>Switched off, it takes no lines.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Lines lost because the writer did not keep up.</summary>
    public long Dropped { get; }

    /// <summary>Opens the file anew, for log rotation.</summary>
    public void Reopen() { }

    /// <summary>Writes what is queued and closes.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
