using System.Collections.Immutable;
using Gatehouse.Management;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>
/// The newest lines of the node's log, for an operator who looks at it from a manager. Bounded in lines and in their length:
/// the log itself goes to standard error and whoever keeps that.
/// </summary>
internal sealed class RecentLog(TimeProvider time) : ILoggerProvider
{
    private const int MostLines = 500;
    private const int LongestMessage = 2000;

    private readonly Lock _lock = new();
    private readonly Queue<NodeLogLine> _lines = new(MostLines);
    private long _forgotten;

    /// <summary>The lines that are kept, oldest first, and how many are not any more.</summary>
    public (ImmutableArray<NodeLogLine> Lines, long Forgotten) Read()
    {
        lock (_lock)
        {
            return ([.. _lines], _forgotten);
        }
    }

    public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName);

    public void Dispose() { }

    private void Add(LogLevel level, string category, string message)
    {
        var line = new NodeLogLine(
            time.GetUtcNow(),
            level.ToString().ToLowerInvariant(),
            category,
            message.Length > LongestMessage ? message[..LongestMessage] + "…" : message
        );
        lock (_lock)
        {
            if (_lines.Count == MostLines)
            {
                _lines.Dequeue();
                _forgotten++;
            }

            _lines.Enqueue(line);
        }
    }

    private sealed class Writer(RecentLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            var message = formatter(state, exception);
            log.Add(logLevel, category, exception is null ? message : $"{message}\n{exception}");
        }
    }
}
