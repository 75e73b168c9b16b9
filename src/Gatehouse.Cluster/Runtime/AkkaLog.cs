using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Event;
using Microsoft.Extensions.Logging;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace Gatehouse.Cluster.Runtime;

/// <summary>Hands the log to <see cref="AkkaLog"/>, which Akka creates by the name of its type.</summary>
/// <param name="log">Where it is written.</param>
/// <param name="rejected">Told of who failed to connect.</param>
internal sealed class AkkaLogSetup(ILogger log, Action<string> rejected) : Setup
{
    public ILogger Log { get; } = log;

    public Action<string> Rejected { get; } = rejected;
}

/// <summary>
/// Akka's log at levels that suit an operator: what matters is said by this project in its own words, so Akka's warnings
/// and its transport's errors are for debugging.
/// </summary>
internal sealed partial class AkkaLog : ReceiveActor
{
    /// <summary>Akka tells of a failed handshake in its log only: of bytes that are no TLS, of a missing certificate.</summary>
    private const string RejectedFrom = "Rejected incoming connection from [";

    private readonly ILogger _log;
    private readonly Action<string> _rejected;

    public AkkaLog()
    {
        var setup = Context.System.Settings.Setup.Get<AkkaLogSetup>().Value;
        _log = setup.Log;
        _rejected = setup.Rejected;
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Write);
    }

    private void Write(LogEvent line)
    {
        if (
            line is Warning or Error
            && line.Message.ToString() is { } text
            && text.StartsWith(RejectedFrom, StringComparison.Ordinal)
        )
        {
            // Two brackets when Akka wrapped the end point, which has some of its own: [[::ffff:1.2.3.4]:5678]
            var peer = text[RejectedFrom.Length..];
            _rejected(peer[..Math.Max(0, peer.IndexOf("] due", StringComparison.Ordinal))]);
        }

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
