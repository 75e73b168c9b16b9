using Gatehouse.Gateway.Accounting;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>
/// A log with a JSON line per request, written by a thread of its own. Never slows a request: lines for which there is no
/// room are dropped and counted.
/// </summary>
public sealed partial class AccessLog : IAsyncDisposable
{
    /// <summary>The path that means standard output.</summary>
    public const string StandardOutput = "-";

    // Long enough for many lines to share a write, short enough for a person who follows the file.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private volatile string _path;
    private readonly ILogger _logger;
    private readonly LogPage _page;
    private readonly ManualResetEventSlim _wake = new();
    private volatile bool _stopping;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _dropped;
    private volatile bool _reopen;
    private volatile bool _enabled = true;

    /// <summary>Logs to <paramref name="path"/>, appending; <c>-</c> is standard output. Throws when the file cannot be opened.</summary>
    /// <param name="path">The file, made with its directory when it is missing.</param>
    /// <param name="logger">Is told when the file cannot be written.</param>
    /// <param name="most">Bytes that may wait to be written.</param>
    public AccessLog(string path, ILogger logger, int most = 8 * 1024 * 1024)
    {
        _path = path;
        _logger = logger;
        _page = new(most);
        var file = Open();
        new Thread(() => WriteUntilStopped(file)) { IsBackground = true, Name = "access log" }.Start();
    }

    /// <summary>Switched off, it takes no lines.</summary>
    public bool Enabled
    {
        get => _enabled;
        set
        {
            _enabled = value;
            _wake.Set();
        }
    }

    /// <summary>Lines lost because the writer did not keep up or the file could not be written.</summary>
    public long Dropped => Volatile.Read(ref _dropped) + _page.Dropped;

    /// <summary>Opens the file anew at the next write, for log rotation.</summary>
    public void Reopen() => _reopen = true;

    /// <summary>Goes on in another file, from the next write on.</summary>
    public void MoveTo(string path)
    {
        _path = path;
        _reopen = true;
    }

    /// <summary>Writes what is queued and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        _wake.Set();
        await _stopped.Task.ConfigureAwait(false);
        _wake.Dispose();
    }

    /// <summary>Logs a line, which ends with its line end.</summary>
    internal void Add(ReadOnlySpan<byte> line) => _page.Add(line);

    private Stream Open()
    {
        if (_path == StandardOutput)
        {
            return Console.OpenStandardOutput();
        }

        if (Path.GetDirectoryName(Path.GetFullPath(_path)) is { } directory)
        {
            Directory.CreateDirectory(directory);
        }

        return new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0);
    }

    private void WriteUntilStopped(Stream file)
    {
        while (true)
        {
            // Switched off, the thread sleeps until it is wanted; on, it gathers lines for a moment.
            _wake.Wait(_enabled ? s_pause : Timeout.InfiniteTimeSpan);
            _wake.Reset();
            var stopping = _stopping;
            try
            {
                if (_reopen)
                {
                    _reopen = false;
                    var fresh = Open();
                    file.Dispose();
                    file = fresh;
                }

                Drain(file);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // A full disk must not stop traffic. What was in this batch is lost and counted; the next one tries again.
                LogNotWritten(_path, failure.Message);
            }

            if (stopping)
            {
                file.Dispose();
                _stopped.SetResult();
                return;
            }
        }
    }

    private void Drain(Stream file)
    {
        var taken = _page.Take();
        var lost = taken.Sum(piece => piece.Lines);
        try
        {
            foreach (var (bytes, used, lines) in taken)
            {
                file.Write(bytes, 0, used);
                lost -= lines;
            }
        }
        finally
        {
            Interlocked.Add(ref _dropped, lost);
            _page.GiveBack(taken);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Access log {Path} could not be written: {Reason} Requests are served; their lines are lost and counted"
    )]
    private partial void LogNotWritten(string path, string reason);
}
