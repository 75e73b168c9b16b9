using System.Buffers;
using System.Text.Json;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Accounting;

/// <summary>
/// The line that a request leaves in the log. The path is there, the query is not: queries carry tokens. Of a key only its
/// id is there.
/// </summary>
internal static class AccessLine
{
    // The longest request target is 8 KiB and every byte of it may need six.
    private const int Longest = 60 * 1024;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_buffer;

    [ThreadStatic]
    private static Utf8JsonWriter? t_writer;

    public static void Write(AccessLog log, Exchange exchange, string node, TimeSpan duration)
    {
        var buffer = t_buffer ??= new(1024);
        var writer = t_writer ??= new(buffer);
        buffer.ResetWrittenCount();
        writer.Reset(buffer);
        writer.WriteStartObject();
        writer.WriteString("time"u8, exchange.Now);
        writer.WriteString("id"u8, exchange.RequestId);
        writer.WriteString("node"u8, node);
        writer.WriteString("client"u8, exchange.Caller.Address);
        writer.WriteString("method"u8, exchange.Request.Method);
        writer.WriteString("host"u8, exchange.Request.Headers.Host.ToString());
        writer.WriteString("path"u8, PathOf(exchange));
        writer.WriteString("protocol"u8, exchange.Request.Protocol);
        writer.WriteNumber("status"u8, exchange.Response.StatusCode);
        writer.WriteNumber("bytesIn"u8, exchange.BytesIn);
        writer.WriteNumber("bytesOut"u8, exchange.BytesOut);
        writer.WriteNumber("micros"u8, duration.Ticks / TimeSpan.TicksPerMicrosecond);
        if (exchange.Route is { } route)
        {
            writer.WriteString("api"u8, route.Name);
        }

        if (exchange.Application is { } application)
        {
            writer.WriteString("application"u8, application.Id);
            writer.WriteString("key"u8, exchange.Key!.Id);
        }

        if (exchange.Chosen is { } target)
        {
            writer.WriteString("target"u8, target.Name);
            writer.WriteNumber("attempts"u8, exchange.Attempts);
        }

        writer.WriteString("outcome"u8, exchange.Outcome.ToText());
        if (exchange.Problem is { } problem)
        {
            writer.WriteString("code"u8, problem.Code);
        }

        writer.WriteEndObject();
        writer.Flush();
        if (buffer.WrittenCount > Longest)
        {
            t_buffer = null;
            t_writer = null;
            return;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(buffer.WrittenCount + 1);
        buffer.WrittenSpan.CopyTo(bytes);
        bytes[buffer.WrittenCount] = (byte)'\n';
        log.Write(bytes, buffer.WrittenCount + 1);
    }

    private static ReadOnlySpan<char> PathOf(Exchange exchange)
    {
        var target = exchange.Request.RawTarget.AsSpan();
        var query = target.IndexOf('?');
        return query < 0 ? target : target[..query];
    }
}
