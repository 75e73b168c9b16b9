using System.Globalization;

namespace Gatehouse.Tests.Gateway.Http1;

/// <summary>
/// Whatever a backend sends, its caller gets a whole answer, a plain error or a cut connection, the next request gets its
/// own answer, and nobody else notices.
/// </summary>
public sealed class BackendAnswerTests : IAsyncLifetime
{
    private const string Ok = "HTTP/1.1 200 OK\r\n";
    private const string Hello = "Content-Length: 5\r\n\r\nhello";
    private const string RefusedOrCut = "refused or cut";
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);
    private static readonly Dictionary<string, Case> s_cases = AllCases().ToDictionary(c => c.Name);

    private readonly Backend _healthy = new((_, s) => Backend.ReplyAsync(s, "other"));
    private Backend _backend = null!;
    private TestGateway _gateway = null!;

    public static TheoryData<string> Names => [.. s_cases.Keys];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync();
        _backend = new();
        Serve(s_long);
        _gateway.Run((Entities.Petstore(_healthy.Url) with { Name = "other", Context = "/other" }).Put());
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
        await _healthy.DisposeAsync();
    }

    [Fact]
    public void There_are_many_cases() => Assert.InRange(s_cases.Count, 120, int.MaxValue);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_backend_may_say_anything(string name)
    {
        var wanted = s_cases[name];
        var asked = 0;
        _backend.OnRequest = async (request, stream) =>
        {
            if (Interlocked.Increment(ref asked) > 1)
            {
                await Backend.ReplyAsync(stream, "next");
                return;
            }

            request.ClosesAfter = wanted.Closes;
            foreach (var piece in wanted.Pieces)
            {
                await Backend.WriteAsync(stream, piece);
                await Task.Yield();
            }

            if (wanted.Hangs)
            {
                await Task.Delay(Timeout.Infinite, Cancel);
            }
        };

        if (wanted.Hangs)
        {
            Serve(TimeSpan.FromMilliseconds(400));
        }

        var got = await CallAsync(wanted.Method);
        for (
            var until = Environment.TickCount64 + (long)s_long.TotalMilliseconds;
            wanted.Hangs
                && got != wanted.Outcome
                && got.StartsWith("504 ", StringComparison.Ordinal)
                && Environment.TickCount64 < until;

        )
        {
            // On a busy machine the connection, or the half of an answer that is to be cut, may be late itself.
            Interlocked.Exchange(ref asked, 0);
            got = await CallAsync(wanted.Method);
        }

        if (wanted.Hangs)
        {
            Serve(s_long);
        }

        var other = await _gateway.Http.GetStringAsync(new Uri("/other/1.0.0/x", UriKind.Relative), Cancel);
        var next = await _gateway.Http.GetStringAsync(new Uri("/petstore/1.0.0/x", UriKind.Relative), Cancel);

        string[] outcomes = wanted.Outcome == RefusedOrCut ? ["502 101506", "cut"] : [wanted.Outcome];
        Assert.Contains(got, outcomes);
        Assert.Equal("other", other);
        Assert.Equal("next", next);
        if (wanted.Reuse is { } reuse)
        {
            Assert.Equal(reuse ? 1 : 2, _backend.Connections);
        }
    }

    private void Serve(TimeSpan silence) =>
        _gateway.Run(
            (
                Entities.Petstore("", "GET /*", "HEAD /*", "POST /*") with
                {
                    Production = Entities.To(_backend.Url) with { ResponseTimeout = silence },
                }
            ).Put()
        );

    private async Task<string> CallAsync(string method)
    {
        try
        {
            using var answer = await _gateway.SendAsync(new(method), "/petstore/1.0.0/x");
            var text = await answer.Content.ReadAsStringAsync(Cancel);
            var code =
                answer.Content.Headers.ContentType?.MediaType == "application/json"
                && text.Contains("\"code\"", StringComparison.Ordinal)
                    ? text.Split('"')[3]
                : text.Length > 100 ? text.Length.ToString(CultureInfo.InvariantCulture)
                : text;
            return $"{(int)answer.StatusCode} {code}";
        }
        catch (HttpRequestException)
        {
            return "cut";
        }
        catch (IOException)
        {
            return "cut";
        }
    }

    private static IEnumerable<Case> AllCases()
    {
        // Sound answers, and whether the connection serves again.
        yield return Good("a length", Ok + Hello, reuse: true);
        yield return Good("a length in two pieces", [Ok + "Content-Length: 5\r\n\r\nhe", "llo"], reuse: true);
        yield return Good(
            "a length and the head in two pieces",
            [Ok + "Content-Le", "ngth: 5\r\n\r\nhello"],
            reuse: true
        );
        yield return Good("no reason", "HTTP/1.1 200 \r\n" + Hello, reuse: true);
        yield return Good("no space for a reason", "HTTP/1.1 200\r\n" + Hello, reuse: true);
        yield return Good("an odd reason", "HTTP/1.1 200 All r\u00e9ally well\r\n" + Hello, reuse: true);
        yield return Good("blanks around a value", Ok + "Content-Length: \t 5 \t\r\n\r\nhello", reuse: true);
        yield return Good("no blank before a value", Ok + "Content-Length:5\r\n\r\nhello", reuse: true);
        yield return Good("an empty value", Ok + "X-Empty:\r\n" + Hello, reuse: true);
        yield return Good("odd case", Ok + "cOnTeNt-LeNgTh: 5\r\n\r\nhello", reuse: true);
        yield return Good("leading zeros", Ok + "Content-Length: 0005\r\n\r\nhello", reuse: true);
        yield return Good("many headers", Ok + Many(200) + Hello, reuse: true);
        yield return Good("one long header", Ok + $"X-Long: {new string('x', 30_000)}\r\n" + Hello, reuse: true);
        yield return Good("chunks", Chunked("5\r\nhello\r\n0\r\n\r\n"), reuse: true);
        yield return Good("many chunks", Chunked("1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n"), reuse: true);
        yield return Good("chunks in pieces", [Chunked("5\r"), "\nhel", "lo\r", "\n0\r\n", "\r\n"], reuse: true);
        yield return Good("an extension", Chunked("5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\n\r\n"), reuse: true);
        yield return Good("wide chunk sizes", Chunked("00000005\r\nhello\r\n0000\r\n\r\n"), reuse: true);
        yield return Good("padded chunk sizes", Chunked("5   \r\nhello\r\n0   \r\n\r\n"), reuse: true);
        yield return Good("upper case hex", Chunked("A\r\nhellohello\r\n0\r\n\r\n"), "200 hellohello", reuse: true);
        yield return Good("lower case hex", Chunked("a\r\nhellohello\r\n0\r\n\r\n"), "200 hellohello", reuse: true);
        yield return Good("trailers", Chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\n"), reuse: true);
        yield return Good("a late trailer", [Chunked("5\r\nhello\r\n0\r\nX-S"), "um: 1\r\n\r\n"], reuse: true);
        yield return Good(
            "Chunked by another case",
            Ok + "Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            reuse: true
        );
        yield return Good("no body by length", Ok + "Content-Length: 0\r\n\r\n", "200 ", reuse: true);
        yield return Good("no body by chunks", Chunked("0\r\n\r\n"), "200 ", reuse: true);
        yield return Good("204", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", reuse: true);
        yield return Good(
            "204 with length 0",
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            "204 ",
            reuse: true
        );
        yield return Good(
            "204 with a length",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            "204 ",
            reuse: false
        );
        yield return Good(
            "204 with a body",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
            "204 ",
            reuse: false
        );
        yield return Good(
            "204 with chunks",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "204 ",
            reuse: false
        );
        yield return Good("205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", "205 ", reuse: true);
        yield return Good(
            "205 with a body",
            "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello",
            "205 ",
            reuse: false
        );
        yield return Good("304", "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", "304 ", reuse: true);
        yield return Good(
            "304 with a length",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            "304 ",
            reuse: true
        );
        yield return Good(
            "304 with a body",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
            "304 ",
            reuse: false
        );
        yield return Good("HEAD with a length", Ok + "Content-Length: 5\r\n\r\n", "200 ", reuse: true) with
        {
            Method = "HEAD",
        };
        yield return Good("HEAD with chunks", Ok + "Transfer-Encoding: chunked\r\n\r\n", "200 ", reuse: true) with
        {
            Method = "HEAD",
        };
        yield return Good("HEAD with a body", Ok + Hello, "200 ", reuse: false) with
        {
            Method = "HEAD",
        };
        yield return Good("POST without a body", Ok + Hello, reuse: true) with
        {
            Method = "POST",
        };
        foreach (
            var status in (int[])[201, 202, 206, 300, 301, 400, 401, 403, 404, 409, 418, 429, 451, 500, 501, 503, 599]
        )
        {
            yield return Good($"status {status}", $"HTTP/1.1 {status} X\r\n{Hello}", $"{status} hello", reuse: true);
        }

        // Persistence.
        yield return Good("close", Ok + "Connection: close\r\n" + Hello, reuse: false);
        yield return Good("close among others", Ok + "Connection: x-a, Close\r\n" + Hello, reuse: false);
        yield return Good(
            "close without closing and with more",
            Ok + "Connection: close\r\n" + Hello + Ok + Hello,
            reuse: false
        );
        yield return Good("HTTP/1.0", "HTTP/1.0 200 OK\r\n" + Hello, reuse: false);
        yield return Good("HTTP/1.0 kept alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + Hello, reuse: true);
        yield return Good("until close", Ok + "\r\nhello", reuse: false) with
        {
            Closes = true,
        };
        yield return Good("until close, in pieces", [Ok + "\r\nhe", "llo"], reuse: false) with
        {
            Closes = true,
        };
        yield return Good("HTTP/1.0 until close", "HTTP/1.0 200 OK\r\n\r\nhello", reuse: false) with
        {
            Closes = true,
        };
        yield return Good("nothing until close", Ok + "\r\n", "200 ", reuse: false) with
        {
            Closes = true,
        };
        yield return Good("closed after the answer", Ok + Hello, reuse: false) with
        {
            Closes = true,
        };

        // More than was asked for: the answer stands, the connection does not.
        yield return Good("two answers", Ok + Hello + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", reuse: false);
        yield return Good("two answers in chunks", Chunked("5\r\nhello\r\n0\r\n\r\n") + Ok + Hello, reuse: false);
        yield return Good("a byte too many", Ok + Hello + "!", reuse: false);
        yield return Good("a line too many", Ok + Hello + "\r\n", reuse: false);
        yield return Good("a byte too many after chunks", Chunked("5\r\nhello\r\n0\r\n\r\n!"), reuse: false);
        yield return Good("a longer body than said", Ok + "Content-Length: 2\r\n\r\nhello", "200 he", reuse: false);

        // Interim answers.
        yield return Good("100 first", "HTTP/1.1 100 Continue\r\n\r\n" + Ok + Hello, reuse: true);
        yield return Good("102 first", "HTTP/1.1 102 Processing\r\n\r\n" + Ok + Hello, reuse: true);
        yield return Good("103 first", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + Ok + Hello, reuse: true);
        yield return Good(
            "three first",
            string.Concat(Enumerable.Repeat("HTTP/1.1 103 X\r\n\r\n", 3)) + Ok + Hello,
            reuse: true
        );
        yield return Bad(
            "endless interim answers",
            string.Concat(Enumerable.Repeat("HTTP/1.1 103 X\r\n\r\n", 50)) + Ok + Hello
        );
        yield return Bad("101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
        yield return new("only 100", ["HTTP/1.1 100 Continue\r\n\r\n"], "502 101505") { Closes = true };
        yield return new("only 100, open", ["HTTP/1.1 100 Continue\r\n\r\n"], "504 101504") { Hangs = true };

        // Status lines that are none.
        foreach (
            var line in (string[])
                [
                    "HTTP/1.1 20 OK",
                    "HTTP/1.1 2000 OK",
                    "HTTP/1.1 099 X",
                    "HTTP/1.1 000 X",
                    "HTTP/1.1 abc OK",
                    "HTTP/1.1  200 OK",
                    "HTTP/1.1\t200 OK",
                    "HTTP/1.1 -20 OK",
                    "HTTP/1.1 +20 OK",
                    "HTTP/1.2 200 OK",
                    "HTTP/1.9 200 OK",
                    "HTTP/2.0 200 OK",
                    "HTTP/0.9 200 OK",
                    "HTTP/1.10 200 OK",
                    "HTTP/11 200 OK",
                    "http/1.1 200 OK",
                    "HTTP /1.1 200 OK",
                    "HTTPS/1.1 200 OK",
                    " HTTP/1.1 200 OK",
                    "HTTP/1.1 200\tOK",
                    "HTTP/1.1 200 O\0K",
                    "HTTP/1.1 200 O\rK",
                    "HTTP/1.1 200 O\u0007K",
                    "ICY 200 OK",
                    "200 OK",
                    "GET / HTTP/1.1",
                    "\u0016\u0003\u0001",
                    "SSH-2.0-x",
                    "* OK IMAP4",
                    "220 ftp",
                    "<html>",
                    "{}",
                ]
        )
        {
            yield return Bad($"the status line {Visible(line)}", $"{line}\r\n{Hello}");
        }

        yield return Bad("an empty line first", "\r\n" + Ok + Hello);
        yield return Bad("a feed first", "\n" + Ok + Hello);
        yield return Bad("an HTTP/2 preface", "\0\0\u0012\u0004\0\0\0\0\0\0\u0003\0\0\0d");

        // Headers that are none, or that two readers read differently.
        foreach (
            var line in (string[])
                [
                    "X-Bad : 1",
                    " X-Fold: 1",
                    "\tfold",
                    ": no name",
                    "no colon",
                    "X Y: 1",
                    "X-\u00e9: 1",
                    "X-Nul: a\0b",
                    "X-Cr: a\rb",
                    "X-Bell: \u0007",
                    "X-Del: \u007f",
                    "(x): 1",
                    "X\0: 1",
                    "X-Lf: a\nb",
                    "X-Bare: 1\nY: 2",
                    "Content-Length: 6",
                    "Content-Length: 5",
                    "Transfer-Encoding: chunked",
                    "Transfer-Encoding: identity",
                    "Transfer-Encoding: gzip, chunked",
                    "Transfer-Encoding: xchunked",
                    "Transfer-Encoding: chunked, chunked",
                    "Transfer-Encoding:",
                    "Transfer-Encoding: \u000bchunked",
                ]
        )
        {
            yield return Bad($"the header {Visible(line)}", $"{Ok}{line}\r\n{Hello}");
        }

        foreach (
            var length in (string[])
                [
                    "",
                    "-1",
                    "+5",
                    "5,5",
                    "5, 5",
                    "5;",
                    "0x5",
                    "5 5",
                    "five",
                    "5.0",
                    "1e1",
                    "9999999999999999999",
                    "18446744073709551621",
                    "\u0665",
                ]
        )
        {
            yield return Bad($"the length {Visible(length)}", $"{Ok}Content-Length: {length}\r\n\r\nhello");
        }

        yield return Bad(
            "HTTP/1.0 with chunks",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        );
        yield return Bad("a folded header", Ok + "X-A: 1\r\n 2\r\n" + Hello);
        yield return Bad("line ends without CR", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello");
        yield return Bad("one line end without CR", Ok + "X: 1\nContent-Length: 5\r\n\r\nhello");
        yield return Bad("status line that ends with CR alone", "HTTP/1.1 200 OK\rxX-A: 1\r\n" + Hello);
        yield return Bad("a head's end without CR", Ok + "Content-Length: 5\r\n\nhello");
        yield return Bad("two returns", Ok + "X: 1\r\r\n" + Hello);
        yield return Bad("too many headers", Ok + Many(600) + Hello);
        yield return Bad("a head of 70 KB", Ok + $"X-Long: {new string('x', 70_000)}\r\n" + Hello);
        yield return Bad("a head of megabytes", [Ok + "X-Long: ", .. Enumerable.Repeat(new string('x', 1 << 20), 8)]);
        yield return Bad("headers of megabytes", [Ok, .. Enumerable.Repeat(Many(20_000), 8)]);

        // Chunks that are none. The head may have left already: then the caller is cut off.
        foreach (
            var chunks in (string[])
                [
                    "5\nhello\r\n0\r\n\r\n",
                    "5\r\nhello\n0\r\n\r\n",
                    "5\r\nhello0\r\n\r\n",
                    "5\r\nhelloo\r\n0\r\n\r\n",
                    "-5\r\nhello\r\n0\r\n\r\n",
                    "+5\r\nhello\r\n0\r\n\r\n",
                    "0x5\r\nhello\r\n0\r\n\r\n",
                    "g\r\nhello\r\n0\r\n\r\n",
                    "\r\nhello\r\n0\r\n\r\n",
                    ";a\r\nhello\r\n0\r\n\r\n",
                    " 5\r\nhello\r\n0\r\n\r\n",
                    "5 5\r\nhello\r\n0\r\n\r\n",
                    "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
                    "5;\0\r\nhello\r\n0\r\n\r\n",
                    "5;a\nb\r\nhello\r\n0\r\n\r\n",
                    "5;a\rb\r\nhello\r\n0\r\n\r\n",
                    "5\r\rhello\r\n0\r\n\r\n",
                    "5\r\nhello\r\n0\r\n\n",
                    "5\r\nhello\r\n0\n\r\n",
                    "5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
                    "5\r\nhello\r\n0\r\nX: 1\n\r\n",
                    "5\r\nhello\r\n0\r\n X: 1\r\n\r\n",
                ]
        )
        {
            yield return new($"the chunks {Visible(chunks)}", [Chunked(chunks)], RefusedOrCut);
        }

        yield return new(
            "an extension without end",
            [Chunked("5;" + new string('x', 5000) + "\r\nhello\r\n0\r\n\r\n")],
            RefusedOrCut
        );

        // Broken off.
        foreach (var cut in (int[])[0, 1, 8, 12, 16, 17, 30])
        {
            yield return new($"closed after {cut} bytes", [(Ok + Hello)[..cut]], "502 101505") { Closes = true };
        }

        yield return new(
            "closed within a body",
            [Ok + "Content-Length: 100000\r\n\r\n" + new string('x', 20_000)],
            "cut"
        )
        {
            Closes = true,
        };
        yield return new("closed within a chunk", [Chunked("FFFFF\r\n" + new string('x', 20_000))], "cut")
        {
            Closes = true,
        };
        yield return new("closed before the last chunk", [Chunked("5\r\nhello\r\n")], "cut") { Closes = true };
        yield return new("closed within trailers", [Chunked("5\r\nhello\r\n0\r\nX:")], "cut") { Closes = true };

        // Silent.
        yield return new("nothing at all", [], "504 101504") { Hangs = true };
        yield return new("half a status line", ["HTTP/1.1 2"], "504 101504") { Hangs = true };
        yield return new("half a head", [Ok + "X: 1\r\n"], "504 101504") { Hangs = true };
        yield return new("a head and no body", [Ok + "Content-Length: 5\r\n\r\n"], "504 101504") { Hangs = true };
        yield return new("half a body", [Ok + "Content-Length: 5\r\n\r\nhe"], "cut") { Hangs = true };
        yield return new("half a chunk", [Chunked("5\r\nhe")], "cut") { Hangs = true };
    }

    private static Case Good(string name, string answer, string outcome = "200 hello", bool? reuse = null) =>
        new(name, [answer], outcome) { Reuse = reuse };

    private static Case Good(string name, string[] pieces, bool reuse) =>
        new(name, pieces, "200 hello") { Reuse = reuse };

    private static Case Bad(string name, string answer) => Bad(name, [answer]);

    private static Case Bad(string name, string[] pieces) => new(name, pieces, "502 101506") { Reuse = false };

    private static string Chunked(string chunks) => $"{Ok}Transfer-Encoding: chunked\r\n\r\n{chunks}";

    private static string Many(int headers) =>
        string.Concat(Enumerable.Range(0, headers).Select(i => $"X-{i}: {i}\r\n"));

    private static string Visible(string text) =>
        string.Concat(text.Select(c => c is > ' ' and < '\u007f' or ' ' ? $"{c}" : $"<{(int)c:X2}>"));

    /// <param name="Name">What is odd about it.</param>
    /// <param name="Pieces">What the backend sends, one write each.</param>
    /// <param name="Outcome">Status and body, or status and code of the problem, or <c>cut</c>.</param>
    private sealed record Case(string Name, string[] Pieces, string Outcome)
    {
        public string Method { get; init; } = "GET";

        public bool Closes { get; init; }

        public bool Hangs { get; init; }

        /// <summary>Whether the next request comes over the same connection; null when that is not the point.</summary>
        public bool? Reuse { get; init; }
    }
}
