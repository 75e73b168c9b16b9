using Gatehouse.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Gatehouse.Nodes;

/// <summary>Where a node's log goes: standard error, for people or for machines; level and format follow a reload.</summary>
internal sealed class NodeLogging : IDisposable
{
    private readonly ServiceProvider _services;
    private LogLevel _level;

    public NodeLogging(LogSettings settings)
    {
        _level = settings.Level;
        var services = new ServiceCollection();
        services.AddLogging(logging =>
        {
            logging.SetMinimumLevel(LogLevel.Trace);
            logging.AddFilter((category, level) => level >= LevelOf(category));
            logging.AddProvider(Recent);
            logging.AddConsole(console =>
            {
                console.LogToStandardErrorThreshold = LogLevel.Trace;
                console.FormatterName =
                    settings.Format == LogFormat.Json ? ConsoleFormatterNames.Json : ConsoleFormatterNames.Simple;
                // A slow terminal or pipe never holds a request: what does not fit is dropped and counted by the console logger.
                console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
            });
            logging.Services.Configure<SimpleConsoleFormatterOptions>(text =>
            {
                text.SingleLine = true;
                text.UseUtcTimestamp = true;
                text.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            });
            logging.Services.Configure<JsonConsoleFormatterOptions>(json =>
            {
                json.UseUtcTimestamp = true;
                json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
            });
        });
        _services = services.BuildServiceProvider();
        Factory = _services.GetRequiredService<ILoggerFactory>();
    }

    public ILoggerFactory Factory { get; }

    /// <summary>The newest lines.</summary>
    public RecentLog Recent { get; } = new(TimeProvider.System);

    /// <summary>Applies a reloaded level.</summary>
    public void Apply(LogSettings settings) => _level = settings.Level;

    // The framework's own chatter matters to its developers; ours to the operator.
    private LogLevel LevelOf(string? category) =>
        category?.StartsWith("Gatehouse", StringComparison.Ordinal) == true
            ? _level
            : (LogLevel)Math.Max((int)_level, (int)LogLevel.Warning);

    public void Dispose() => _services.Dispose();
}
