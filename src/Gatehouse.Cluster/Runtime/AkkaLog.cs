using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Event;
using Microsoft.Extensions.Logging;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace Gatehouse.Cluster.Runtime;

/// <summary>Hands the log to <see cref="AkkaLog"/>, which Akka creates by the name of its type.</summary>
internal sealed class AkkaLogSetup(ILogger log) : Setup
{
    public ILogger Log { get; } = log;
}

/// <summary>
/// Akka's log at levels that suit an operator: what matters is said by this project in its own words, so Akka's warnings
/// and its transport's errors are for debugging.
/// </summary>
internal sealed partial class AkkaLog : ReceiveActor
{
    private readonly ILogger _log;

    public AkkaLog()
    {
        _log = Context.System.Settings.Setup.Get<AkkaLogSetup>().Value.Log;
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Write);
    }

    private void Write(LogEvent line)
    {
        var level = line switch
        {
            Error when !IsTransport(line) => LogLevel.Warning,
            Error or Warning => LogLevel.Debug,
            _ => LogLevel.Trace,
        };
        if (_log.IsEnabled(level))
        {
            LogAkka(level, line.LogSource, line.Message, line.Cause);
        }
    }

    private static bool IsTransport(LogEvent line) =>
        line.LogClass.Namespace?.StartsWith("Akka.Remote", StringComparison.Ordinal) == true
        || line.LogSource.Contains("remot", StringComparison.OrdinalIgnoreCase)
        || line.LogSource.Contains("dotnetty", StringComparison.OrdinalIgnoreCase)
        || line.LogSource.Contains("endpoint", StringComparison.OrdinalIgnoreCase);

    [LoggerMessage(Message = "{Source}: {Line}")]
    private partial void LogAkka(LogLevel level, string source, object line, Exception? cause);
}
