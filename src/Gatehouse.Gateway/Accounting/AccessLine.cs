using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Accounting;

/// <summary>
/// The line that a request leaves in the log. The path is there, the query is not: queries carry tokens. Of a key only its
/// id is there.
/// </summary>
internal static class AccessLine
{
    private const int UsualLength = 2048;

    [ThreadStatic]
    private static byte[]? t_bytes;

    public static void Write(AccessLog log, Exchange exchange, string node, TimeSpan duration)
    {
        var line = new LineWriter(t_bytes ??= new byte[UsualLength]);
        line.Time("\"time\":"u8, exchange.Now);
        line.Text(",\"id\":"u8, exchange.RequestId);
        line.Text(",\"node\":"u8, node);
        line.Text(",\"client\":"u8, exchange.Caller.Address);
        line.Text(",\"method\":"u8, exchange.Request.Method);
        line.Text(",\"host\":"u8, exchange.Request.Headers.Host.ToString());
        line.Text(",\"path\":"u8, PathOf(exchange));
        line.Text(",\"protocol\":"u8, exchange.Request.Protocol);
        line.Number(",\"status\":"u8, exchange.Response.StatusCode);
        line.Number(",\"bytesIn\":"u8, exchange.BytesIn);
        line.Number(",\"bytesOut\":"u8, exchange.BytesOut);
        line.Number(",\"micros\":"u8, duration.Ticks / TimeSpan.TicksPerMicrosecond);
        if (exchange.Route is { } route)
        {
            line.Text(",\"api\":"u8, route.Name);
        }

        if (exchange.Application is { } application)
        {
            line.Text(",\"application\":"u8, application.Id);
            line.Text(",\"key\":"u8, exchange.Key!.Id);
        }

        if (exchange.Chosen is { } target)
        {
            line.Text(",\"target\":"u8, target.Name);
            line.Number(",\"attempts\":"u8, exchange.Attempts);
        }

        line.Text(",\"outcome\":"u8, exchange.Outcome.ToText());
        if (exchange.Problem is { } problem)
        {
            line.Text(",\"code\":"u8, problem.Code);
        }

        log.Add(line.End());
    }

    private static ReadOnlySpan<char> PathOf(Exchange exchange)
    {
        var target = exchange.Request.RawTarget.AsSpan();
        var query = target.IndexOf('?');
        return query < 0 ? target : target[..query];
    }
}
