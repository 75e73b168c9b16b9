using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>
/// A log with a JSON line per request, written by a thread of its own. Never slows a request: lines that do not fit into
/// its queue are dropped and counted.
/// </summary>
public sealed partial class AccessLog : IAsyncDisposable
{
    /// <summary>The path that means standard output.</summary>
    public const string StandardOutput = "-";

    private const int BatchSize = 64 * 1024;
    private const int LineSize = 1024;

    // What some 50 000 requests a second write between two drains; at most 4 MiB.
    private const int MostSpare = 4096;

    // Long enough for many lines to share a write, short enough for a person who follows the file.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private volatile string _path;
    private readonly int _capacity;
    private readonly ILogger _logger;
    private readonly ConcurrentQueue<(byte[] Bytes, int Length)> _queue = new();

    // Lines are written on one thread and let go on another: a pool that belongs to threads would lose them.
    private readonly ConcurrentQueue<byte[]> _spare = new();
    private readonly ManualResetEventSlim _wake = new();
    private volatile bool _stopping;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _queued;
    private long _dropped;
    private volatile bool _reopen;
    private volatile bool _enabled = true;

    /// <summary>Logs to <paramref name="path"/>, appending; <c>-</c> is standard output. Throws when the file cannot be opened.</summary>
    public AccessLog(string path, ILogger logger, int capacity = 16 * 1024)
    {
        _path = path;
        _capacity = capacity;
        _logger = logger;
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
    public long Dropped => Volatile.Read(ref _dropped);

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

    /// <summary>An array to begin a line in.</summary>
    internal byte[] Take() => _spare.TryDequeue(out var array) ? array : new byte[LineSize];

    /// <summary>Queues a line, in the array that was taken or in a larger one.</summary>
    internal void Write(byte[] array, int length)
    {
        if (Interlocked.Increment(ref _queued) > _capacity)
        {
            Interlocked.Decrement(ref _queued);
            Interlocked.Increment(ref _dropped);
            GiveBack(array);
            return;
        }

        _queue.Enqueue((array, length));
    }

    /// <summary>Takes back an array that was taken and not queued.</summary>
    internal void GiveBack(byte[] array)
    {
        if (array.Length == LineSize && _spare.Count < MostSpare)
        {
            _spare.Enqueue(array);
        }
    }

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
        var batch = new byte[BatchSize];
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

                Drain(file, batch);
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

    private void Drain(Stream file, byte[] batch)
    {
        var (used, lines) = (0, 0);
        while (_queue.TryDequeue(out var line))
        {
            Interlocked.Decrement(ref _queued);
            if (used + line.Length > batch.Length)
            {
                Flush();
            }

            line.Bytes.AsSpan(0, line.Length).CopyTo(batch.AsSpan(used));
            GiveBack(line.Bytes);
            used += line.Length;
            lines++;
        }

        Flush();

        void Flush()
        {
            if (used == 0)
            {
                return;
            }

            var (size, count) = (used, lines);
            (used, lines) = (0, 0);
            try
            {
                file.Write(batch, 0, size);
            }
            catch
            {
                Interlocked.Add(ref _dropped, count);
                throw;
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Access log {Path} could not be written: {Reason} Requests are served; their lines are lost and counted"
    )]
    private partial void LogNotWritten(string path, string reason);
}
