using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>How forwarding ended. The names say whose doing it was.</summary>
internal enum ForwardingOutcome
{
    /// <summary>The gateway answered by itself.</summary>
    NotForwarded,

    /// <summary>The backend's answer reached the caller.</summary>
    Completed,

    /// <summary>No connection; nothing of the request was sent.</summary>
    ConnectFailed,

    /// <summary>No connection in time; nothing of the request was sent.</summary>
    ConnectTimedOut,

    /// <summary>The target was silent for too long.</summary>
    TimedOut,

    /// <summary>The connection ended before an answer began.</summary>
    ConnectionClosed,

    /// <summary>What came back is not HTTP.</summary>
    ProtocolViolation,

    /// <summary>The answer broke off after it had begun; the caller's connection was cut so that it cannot look complete.</summary>
    AnswerCutShort,

    /// <summary>There is no target.</summary>
    NoTarget,

    /// <summary>The caller went away.</summary>
    CallerGone,

    /// <summary>The caller's request body stopped arriving.</summary>
    CallerSilent,

    /// <summary>The caller's request body is larger than allowed.</summary>
    BodyTooLarge,

    /// <summary>The caller's request body is broken.</summary>
    BodyBroken,

    /// <summary>What admitted the stream was withdrawn while it was open.</summary>
    Withdrawn,

    /// <summary>The backend answered; a policy of the API would not pass that on.</summary>
    AnswerRefused,
}

internal static class ForwardingOutcomes
{
    /// <summary>True when nothing of the request can have reached the target.</summary>
    public static bool NothingWasSent(this ForwardingOutcome outcome) =>
        outcome is ForwardingOutcome.ConnectFailed or ForwardingOutcome.ConnectTimedOut;

    /// <summary>True when the target is to blame.</summary>
    public static bool IsTargetsFault(this ForwardingOutcome outcome) =>
        outcome
            is ForwardingOutcome.ConnectFailed
                or ForwardingOutcome.ConnectTimedOut
                or ForwardingOutcome.TimedOut
                or ForwardingOutcome.ConnectionClosed
                or ForwardingOutcome.ProtocolViolation
                or ForwardingOutcome.AnswerCutShort;

    /// <summary>How it is spelled in logs.</summary>
    public static string ToText(this ForwardingOutcome outcome) =>
        outcome switch
        {
            ForwardingOutcome.NotForwarded => "not-forwarded",
            ForwardingOutcome.Completed => "completed",
            ForwardingOutcome.ConnectFailed => "connect-failed",
            ForwardingOutcome.ConnectTimedOut => "connect-timed-out",
            ForwardingOutcome.TimedOut => "timed-out",
            ForwardingOutcome.ConnectionClosed => "connection-closed",
            ForwardingOutcome.ProtocolViolation => "protocol-violation",
            ForwardingOutcome.AnswerCutShort => "answer-cut-short",
            ForwardingOutcome.NoTarget => "no-target",
            ForwardingOutcome.CallerGone => "caller-gone",
            ForwardingOutcome.CallerSilent => "caller-silent",
            ForwardingOutcome.BodyTooLarge => "body-too-large",
            ForwardingOutcome.BodyBroken => "body-broken",
            ForwardingOutcome.AnswerRefused => "answer-refused",
            _ => "withdrawn",
        };

    /// <summary>What the caller is told; null when there is nothing left to tell.</summary>
    public static GatewayProblem? Problem(this ForwardingOutcome outcome) =>
        outcome switch
        {
            ForwardingOutcome.ConnectFailed => GatewayProblem.ConnectFailed,
            ForwardingOutcome.ConnectTimedOut => GatewayProblem.ConnectTimedOut,
            ForwardingOutcome.TimedOut => GatewayProblem.TimedOut,
            ForwardingOutcome.ConnectionClosed => GatewayProblem.ConnectionClosed,
            ForwardingOutcome.ProtocolViolation => GatewayProblem.ProtocolViolation,
            ForwardingOutcome.NoTarget => GatewayProblem.NoEndpoint,
            ForwardingOutcome.CallerSilent => GatewayProblem.CallerSilent,
            ForwardingOutcome.BodyTooLarge => GatewayProblem.BodyTooLarge,
            ForwardingOutcome.BodyBroken => GatewayProblem.BrokenBody,
            _ => null,
        };
}
