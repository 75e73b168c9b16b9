using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Gatehouse.Gateway.Forwarding.Http1;

namespace Gatehouse.Tests.Gateway.Http1;

/// <summary>The readers of answers against slow ones that are plainly right, wherever the bytes are split.</summary>
public sealed partial class AnswerHeadTests
{
    private static readonly Gen<string> s_line = Pick(
        "Content-Length: 5",
        "Content-Length: 05",
        "content-length:0",
        "Content-Length: +5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Connection: close",
        "Connection: keep-alive, X-A",
        "X-A: \u00e9",
        "X-A:",
        "X-A : 1",
        " folded",
        "X-B: a\tb",
        "X-C: \0",
        "X-D: a\rb",
        "novalue",
        ":",
        "X-E: 1\nX-F: 2"
    );

    private static readonly Gen<string> s_status = Pick(
        "HTTP/1.1 200 OK",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 204",
        "HTTP/1.1 304 ",
        "HTTP/1.1 100 Continue",
        "HTTP/1.1 99 X",
        "HTTP/1.2 200 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 500 Caf\u00e9",
        "XTTP/1.1 200 OK"
    );

    private static readonly Gen<string> s_head = Gen.Select(
        s_status,
        s_line.Array[0, 5],
        Pick("\r\n", "\r\n", "\r\n", "\r\n", "\n"),
        (status, lines, end) => string.Join("\r\n", [status, .. lines]) + end + "\r\n"
    );

    private static readonly Gen<string> s_chunks = Pick(
        "5\r\nhello\r\n",
        "a\r\n0123456789\r\n",
        "1;x=y\r\n!\r\n",
        "2  \r\nab\r\n",
        "0003\r\nabc\r\n",
        "5\r\nhell\r\n",
        "5\nhello\r\n",
        "g\r\n",
        "\r\n",
        "1; \0\r\nx\r\n",
        "2 3\r\nab\r\n"
    )
        .Array[0, 5]
        .Select(
            Pick("0\r\n\r\n", "0\r\nX: 1\r\n\r\n", "00;a\r\n\r\n", "0\r\n", "", "-0\r\n\r\n"),
            (chunks, last) => string.Concat(chunks) + last
        );

    private static Gen<T> Pick<T>(params T[] from) => Gen.Int[0, from.Length - 1].Select(i => from[i]);

    [Fact]
    public void A_head_is_read_as_the_slow_reader_reads_it() =>
        Gen.Select(s_head, Gen.Bool, Gen.Int[0, 200], Pick('\0', '\r', '\n', ' ', ':', 'x', '\u00ff', '\t'))
            .Sample(
                (head, toHead, at, odd) =>
                {
                    foreach (
                        var text in (string[])[head, at < head.Length ? head.Remove(at, 1).Insert(at, $"{odd}") : head]
                    )
                    {
                        var bytes = Encoding.Latin1.GetBytes(text);
                        Assert.Equal(Slowly(text, toHead), Read(bytes, bytes.Length, toHead));
                        for (var split = 1; split < bytes.Length; split++)
                        {
                            Assert.Equal(Read(bytes, bytes.Length, toHead), Read(bytes, split, toHead));
                        }
                    }
                },
                iter: 3000
            );

    [Fact]
    public void Chunks_are_read_as_the_slow_reader_reads_them() =>
        s_chunks.Sample(
            text =>
            {
                var wanted = SlowChunks(text);
                var bytes = Encoding.Latin1.GetBytes(text);
                for (var split = 0; split <= bytes.Length; split++)
                {
                    Assert.Equal(wanted, ReadChunks(bytes, split));
                }
            },
            iter: 3000
        );

    [Fact]
    public void Extensions_may_not_outweigh_the_data_for_ever()
    {
        var chunks = new ChunkReader();
        var body = new ArrayBufferWriter<byte>();
        var chunk = Encoding.Latin1.GetBytes($"1;{new string('x', 900)}\r\n!\r\n");
        var taken = 0;
        while (taken < 1000 && chunks.TryRead(chunk, out _, body, out _))
        {
            taken++;
        }

        Assert.InRange(taken, 10, 100);
    }

    [Fact]
    public void Texts_come_back_as_they_were_and_common_ones_are_the_same_object()
    {
        Gen.Byte.Array[0, 80]
            .Sample(bytes => Assert.Equal(Encoding.Latin1.GetString(bytes), Latin.Text(bytes)), iter: 5000);
        Assert.Same(Latin.Text("application/json"u8), Latin.Text("application/json"u8));
    }

    /// <summary>As a connection reads it: what has arrived up to <paramref name="split"/>, then the rest.</summary>
    private static string Read(byte[] bytes, int split, bool toHead)
    {
        var line = 0;
        var end = AnswerHead.Find(bytes.AsSpan(0, split), ref line, out var length);
        if (end == HeadEnd.NotYet)
        {
            end = AnswerHead.Find(bytes, ref line, out length);
        }

        if (end == HeadEnd.NotYet)
        {
            return "unfinished";
        }

        var head = new AnswerHead();
        if (end == HeadEnd.Never || !head.TryRead(bytes.AsSpan(0, length), toHead))
        {
            return "bad";
        }

        var text = new StringBuilder();
        foreach (var field in head.Fields)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{Latin.Text(field.Name(bytes))}={Latin.Text(field.Value(bytes))}|"
            );
        }

        return $"{length} {head.Status} {head.Framing} {head.Length} {head.KeepsAlive} {text}";
    }

    private static string Slowly(string text, bool toHead)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var head = end < 0 ? text : text[..(end + 4)];
        if (Regex.IsMatch(head, "(?<!\r)\n"))
        {
            return "bad";
        }

        // An empty first line ends a head that has no status line.
        if (head.StartsWith("\r\n", StringComparison.Ordinal))
        {
            return "bad";
        }

        if (end < 0)
        {
            return "unfinished";
        }

        var lines = head[..^4].Split("\r\n");
        var status = StatusLine().Match(lines[0]);
        if (!status.Success)
        {
            return "bad";
        }

        var fields = new List<(string Name, string Value)>();
        foreach (var line in lines[1..])
        {
            var field = FieldLine().Match(line);
            if (!field.Success)
            {
                return "bad";
            }

            fields.Add((field.Groups[1].Value, field.Groups[2].Value.Trim(' ', '\t')));
        }

        List<string> Values(string name) =>
            [.. fields.Where(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(f => f.Value)];

        var old = status.Groups[1].Value == "0";
        var code = int.Parse(status.Groups[2].Value, CultureInfo.InvariantCulture);
        var lengths = Values("Content-Length");
        var codings = Values("Transfer-Encoding");
        if (
            lengths.Count > 1
            || lengths.Any(l => !Regex.IsMatch(l, "^[0-9]{1,18}$"))
            || codings.Count > 1
            || codings.Any(c => old || !c.Equals("chunked", StringComparison.OrdinalIgnoreCase))
            || lengths.Count + codings.Count > 1
        )
        {
            return "bad";
        }

        long? length = lengths.Count == 0 ? null : long.Parse(lengths[0], CultureInfo.InvariantCulture);
        var options = Values("Connection")
            .SelectMany(v => v.Split(','))
            .Select(o => o.Trim(' ', '\t').ToLowerInvariant())
            .ToList();
        var persists = !options.Contains("close") && (!old || options.Contains("keep-alive"));
        var bodiless = toHead || code is < 200 or 204 or 205 or 304;
        var framing =
            bodiless ? "None"
            : codings.Count > 0 ? "Chunked"
            : length is not null ? "Length"
            : "UntilClose";
        var keeps = bodiless
            ? persists && (toHead || code == 304 || codings.Count == 0 && length is null or 0)
            : persists && framing != "UntilClose";
        return $"{end + 4} {code} {framing} {length} {keeps} {string.Concat(fields.Select(f => $"{f.Name}={f.Value}|"))}";
    }

    private static string ReadChunks(byte[] bytes, int split)
    {
        var chunks = new ChunkReader();
        var body = new ArrayBufferWriter<byte>();
        if (!chunks.TryRead(bytes.AsSpan(0, split), out var consumed, body, out var first))
        {
            return "bad";
        }

        var second = 0;
        if (!chunks.AtTrailers)
        {
            Assert.Equal(split, consumed);
            if (!chunks.TryRead(bytes.AsSpan(split), out var rest, body, out second))
            {
                return "bad";
            }

            consumed += rest;
        }

        Assert.Equal(body.WrittenCount, first + second);
        return $"{chunks.AtTrailers} {consumed} {Encoding.Latin1.GetString(body.WrittenSpan)}";
    }

    private static string SlowChunks(string text)
    {
        var data = new StringBuilder();
        var at = 0;
        while (true)
        {
            var rest = text[at..];
            var line = ChunkLine().Match(rest);
            if (!line.Success)
            {
                // Nothing wrong so far, but not all there yet?
                return ChunkLineBegins().IsMatch(rest) ? $"False {text.Length} {data}" : "bad";
            }

            at += line.Length;
            var size = Convert.ToInt64(line.Groups[1].Value, 16);
            if (size == 0)
            {
                return $"True {at} {data}";
            }

            var here = (int)Math.Min(size, text.Length - at);
            data.Append(text, at, here);
            at += here;
            var end = text[at..];
            if (here < size || end is "" or "\r")
            {
                return $"False {text.Length} {data}";
            }

            if (!end.StartsWith("\r\n", StringComparison.Ordinal))
            {
                return "bad";
            }

            at += 2;
        }
    }

    [GeneratedRegex(@"^HTTP/1\.([01]) ([1-9][0-9]{2})( [\t\x20-\x7e\x80-\xff]*)?\z")]
    private static partial Regex StatusLine();

    [GeneratedRegex(@"^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)\z")]
    private static partial Regex FieldLine();

    [GeneratedRegex(@"^([0-9A-Fa-f]{1,15})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?\r\n")]
    private static partial Regex ChunkLine();

    [GeneratedRegex(@"^([0-9A-Fa-f]{1,15}[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?\r?)?\z")]
    private static partial Regex ChunkLineBegins();
}
