using System.Globalization;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>Bytes of a connection, what is wrong with them, and how many requests come before that.</summary>
internal sealed record WireCase(string Name, string Bytes, Violation Violation, int Requests, bool InBody = false)
{
    public override string ToString() => Name;
}

/// <summary>The table of HTTP/1 requests, good and bad.</summary>
internal static class WireCases
{
    private const string Host = "Host: a\r\n";

    public static IReadOnlyList<WireCase> Valid { get; } = [.. ValidCases()];

    public static IReadOnlyList<WireCase> Refused { get; } = [.. RefusedCases()];

    public static WireCase Find(string name) => Valid.Concat(Refused).Single(c => c.Name == name);

    public static string Get(string target = "/", string fields = Host) => $"GET {target} HTTP/1.1\r\n{fields}\r\n";

    public static string Chunked(string chunks, string path = "/") =>
        $"POST {path} HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n{chunks}";

    private static IEnumerable<WireCase> ValidCases()
    {
        static WireCase Ok(string name, string bytes, int requests = 1) => new(name, bytes, Violation.None, requests);

        yield return Ok("plain GET", Get());
        yield return Ok("two pipelined", Get("/1") + Get("/2"), 2);
        yield return Ok(
            "three pipelined with bodies",
            Get("/1") + Post(4, "abcd") + Chunked("3\r\nabc\r\n0\r\n\r\n"),
            3
        );
        yield return Ok("HTTP/1.0 without Host", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        yield return Ok("POST in HTTP/1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na");
        yield return Ok("HTTP/1.0 with Host", $"GET / HTTP/1.0\r\n{Host}Connection: keep-alive\r\n\r\n");
        yield return Ok("an empty line before the request", "\r\n" + Get());
        yield return Ok("an empty line after a body", Post(4, "abcd") + "\r\n" + Get(), 2);
        yield return Ok("body of no bytes", Post(0, ""));
        yield return Ok("length with leading zeros", $"POST / HTTP/1.1\r\n{Host}Content-Length: 0004\r\n\r\nabcd");
        yield return Ok("length between blanks", $"POST / HTTP/1.1\r\n{Host}Content-Length: \t 4\t \r\n\r\nabcd");
        yield return Ok("body full of line ends and NUL", Post(8, "\r\n\r\n\n\r\0\n"));
        yield return Ok("body that looks like a request", Post(35, "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n"));
        yield return Ok("no chunks", Chunked("0\r\n\r\n"));
        yield return Ok("one chunk", Chunked("5\r\nhello\r\n0\r\n\r\n"));
        yield return Ok(
            "chunks of mixed case and zeros",
            Chunked("0a\r\n0123456789\r\n000A\r\n0123456789\r\n00\r\n\r\n")
        );
        yield return Ok("chunk data of line ends", Chunked("6\r\n\r\n\n\r\r\n\r\n0\r\n\r\n"));
        yield return Ok("chunk extensions", Chunked("5;a\r\nhello\r\n1;b=\"c d\";e=\t1\r\n!\r\n0;end\r\n\r\n"));
        yield return Ok("trailers", Chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n"));
        yield return Ok("Chunked in capitals", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n");
        yield return Ok(
            "chunked between blanks",
            $"POST / HTTP/1.1\r\n{Host}tRANSFER-eNCODING:\tchunked \r\n\r\n0\r\n\r\n"
        );
        yield return Ok("no blank after the colon", "GET / HTTP/1.1\r\nHost:a\r\nX:y\r\n\r\n");
        yield return Ok("empty value", Get("/", $"{Host}X-Empty:\r\nX-Blank: \t \r\n"));
        yield return Ok("tab within a value", Get("/", $"{Host}X: a\tb\r\n"));
        yield return Ok("bytes above ASCII in a value", Get("/", $"{Host}X: gr\u00fc\u00df\u00ff\r\n"));
        yield return Ok("every token byte in a name", Get("/", $"{Host}!#$%&'*+-.^_`|~09AZaz: x\r\n"));
        yield return Ok("own method", $"M-SEARCH! / HTTP/1.1\r\n{Host}\r\n");
        yield return Ok("method in lower case", $"get / HTTP/1.1\r\n{Host}\r\n");
        yield return Ok("OPTIONS *", $"OPTIONS * HTTP/1.1\r\n{Host}\r\n");
        yield return Ok("absolute form", Get("http://a/x?y=z"));
        yield return Ok("absolute form with port", Get("http://a:8080/x", "Host: a:8080\r\n"));
        yield return Ok("absolute form with default port in Host", Get("http://a/x", "Host: a:80\r\n"));
        yield return Ok("query full of punctuation", Get("/x?a[]=1&b={}|^`\\\"<>'"));
        yield return Ok("dot segments are for the judge of paths", Get("/a/../b"));
        yield return Ok("Host with port", Get("/", "Host: example.com:65535\r\n"));
        yield return Ok("Host IPv4", Get("/", "Host: 127.0.0.1:80\r\n"));
        yield return Ok("Host IPv6", Get("/", "Host: [::1]:80\r\n"));
        yield return Ok("Host IPv6 without port", Get("/", "Host: [fe80::1:2]\r\n"));
        yield return Ok("same field twice", Get("/", $"{Host}X: 1\r\nX: 2\r\nCookie: a=b\r\nCookie: c=d\r\n"));
        yield return Ok(
            "100 fields",
            Get("/", Host + string.Concat(Enumerable.Range(0, 99).Select(i => $"X{i}: y\r\n")))
        );
        yield return Ok("long request line", Get("/" + new string('a', 8190 - 14)));
        yield return Ok("long field", Get("/", $"{Host}X: {new string('a', 32 * 1024 - 30)}\r\n"));
        yield return Ok(
            "upgrade that is not taken",
            Get("/", $"{Host}Connection: Upgrade\r\nUpgrade: x\r\n") + Get("/2"),
            2
        );
        yield return Ok(
            "Upgrade with a body",
            $"POST / HTTP/1.1\r\n{Host}Upgrade: h2c\r\nContent-Length: 2\r\n\r\nab" + Get(),
            2
        );
        yield return Ok(
            "names one letter off the framing ones",
            Get("/", $"{Host}Content-Lengt: x\r\nTransfer-Encodin: y\r\nHos: z\r\n")
        );

        // What browsers, curl and common libraries send.
        yield return Ok(
            "a browser",
            "GET /pets/1/?page=2&sort=-name HTTP/1.1\r\nHost: api.example.com\r\nConnection: keep-alive\r\n"
                + "sec-ch-ua: \"Chromium\";v=\"126\", \"Not/A)Brand\";v=\"8\"\r\nsec-ch-ua-mobile: ?0\r\n"
                + "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
                + "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n"
                + "Cookie: a=b; c=\"d e\"; f={%22g%22:1}\r\nIf-None-Match: W/\"x\"\r\n\r\n"
        );
        yield return Ok(
            "curl with Expect",
            "POST /upload HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"
                + "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
        );
        foreach (
            var method in (string[])["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
        )
        {
            yield return Ok($"method {method}", $"{method} /x HTTP/1.1\r\n{Host}\r\n");
        }
    }

    private static string Post(int length, string body) =>
        $"POST / HTTP/1.1\r\n{Host}Content-Length: {length}\r\n\r\n{body}";

    private static IEnumerable<WireCase> RefusedCases()
    {
        static WireCase Bad(string name, Violation violation, string bytes, int before = 0) =>
            new(name, bytes, violation, before);

        // Framing
        foreach (
            var (name, value) in new[]
            {
                ("plus", "+4"),
                ("minus", "-4"),
                ("list", "4,4"),
                ("list with blank", "4, 4"),
                ("empty", ""),
                ("blank", " "),
                ("hexadecimal", "0x4"),
                ("fraction", "4.0"),
                ("exponent", "4e0"),
                ("letters", "four"),
                ("inner blank", "4 4"),
                ("trailing letter", "4a"),
                ("underscore", "1_0"),
                ("quoted", "\"4\""),
                ("overflow", "9223372036854775808"),
                ("20 digits", "18446744073709551620"),
                ("30 digits", "000000000000000000000000000004"),
                ("vertical digit", "\u00b2"),
                ("semicolon", "4;"),
            }
        )
        {
            yield return Bad(
                $"length {name}",
                Violation.LengthInvalid,
                $"POST / HTTP/1.1\r\n{Host}Content-Length: {value}\r\n\r\nabcd"
            );
        }

        yield return Bad(
            "two lengths",
            Violation.LengthRepeated,
            $"POST / HTTP/1.1\r\n{Host}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"
        );
        yield return Bad(
            "two equal lengths",
            Violation.LengthRepeated,
            $"POST / HTTP/1.1\r\n{Host}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"
        );
        yield return Bad(
            "two lengths apart",
            Violation.LengthRepeated,
            $"POST / HTTP/1.1\r\nContent-Length: 4\r\n{Host}content-length: 4\r\n\r\nabcd"
        );
        yield return Bad("POST in HTTP/1.0 without length", Violation.LengthMissing, "POST / HTTP/1.0\r\n\r\n");
        yield return Bad("PUT in HTTP/1.0 without length", Violation.LengthMissing, "PUT http://a/ HTTP/1.0\r\n\r\n");
        yield return Bad(
            "length and encoding",
            Violation.LengthAndEncoding,
            $"POST / HTTP/1.1\r\n{Host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        yield return Bad(
            "encoding and length",
            Violation.LengthAndEncoding,
            $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"
        );
        foreach (
            var value in (string[])
                [
                    "xchunked",
                    "chunkedx",
                    "chunked, chunked",
                    "gzip, chunked",
                    "chunked, gzip",
                    "identity",
                    "gzip",
                    "",
                    " ",
                    "chunked,",
                    ",chunked",
                    "chunked;q=1",
                    "\"chunked\"",
                    "'chunked'",
                    "chunked\u00a0",
                    "ch\u212anked"[..2],
                    "chunked chunked",
                    "cow",
                    "chunked\tchunked",
                    "identity, chunked",
                    "deflate",
                    "trailers",
                ]
        )
        {
            yield return Bad(
                $"encoding {value.Length} '{value}'",
                Violation.EncodingInvalid,
                $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n"
            );
        }

        yield return Bad(
            "two encodings",
            Violation.EncodingRepeated,
            $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        yield return Bad(
            "encoding in HTTP/1.0",
            Violation.EncodingInHttp10,
            $"POST / HTTP/1.0\r\n{Host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );

        // Line ends
        yield return Bad("LF only", Violation.LineEnd, "GET / HTTP/1.1\nHost: a\n\n");
        yield return Bad("LF after the request line", Violation.LineEnd, "GET / HTTP/1.1\nHost: a\r\n\r\n");
        yield return Bad("LF after a field", Violation.LineEnd, "GET / HTTP/1.1\r\nHost: a\n\r\n");
        yield return Bad("LF as the empty line", Violation.LineEnd, "GET / HTTP/1.1\r\nHost: a\r\n\n");
        yield return Bad("CR only", Violation.LineEnd, "GET / HTTP/1.1\rHost: a\r\r");
        yield return Bad("CR in the request line", Violation.LineEnd, "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n");
        yield return Bad("CR after a field", Violation.LineEnd, "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n");
        yield return Bad("CR in a value", Violation.LineEnd, Get("/", $"{Host}X: a\rb\r\n"));
        yield return Bad("CR CR LF", Violation.LineEnd, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n");
        yield return Bad("LF CR", Violation.LineEnd, "GET / HTTP/1.1\n\rHost: a\r\n\r\n");
        yield return Bad("LF in a value", Violation.LineEnd, Get("/", $"{Host}X: a\nb: c\r\n"));
        yield return Bad("LF before the request", Violation.LineEnd, "\n" + Get());
        yield return Bad("CR before the request", Violation.LineEnd, "\r" + Get());
        yield return Bad("two empty lines before the request", Violation.Method, "\r\n\r\n" + Get());
        yield return Bad(
            "LF smuggles a field",
            Violation.LineEnd,
            $"POST / HTTP/1.1\r\n{Host}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );

        // Control characters, in every place a line has
        foreach (var code in Enumerable.Range(0, 32).Append(127).Where(code => code is not (9 or 10 or 13)))
        {
            var c = (char)code;
            var hex = code.ToString("x2", CultureInfo.InvariantCulture);
            yield return Bad($"{hex} in the method", Violation.ControlCharacter, $"GE{c}T / HTTP/1.1\r\n{Host}\r\n");
            yield return Bad($"{hex} in the target", Violation.ControlCharacter, Get($"/{c}"));
            yield return Bad($"{hex} in the version", Violation.ControlCharacter, $"GET / HTTP/1{c}1\r\n{Host}\r\n");
            yield return Bad($"{hex} in a name", Violation.ControlCharacter, Get("/", $"{Host}X{c}: y\r\n"));
            yield return Bad($"{hex} in a value", Violation.ControlCharacter, Get("/", $"{Host}X: a{c}b\r\n"));
            yield return Bad($"{hex} in Host", Violation.ControlCharacter, Get("/", $"Host: a{c}\r\n"));
            yield return InChunks(
                $"{hex} in a chunk extension",
                Violation.ControlCharacter,
                $"1;{c}\r\na\r\n0\r\n\r\n"
            );
            yield return InChunks($"{hex} in a trailer", Violation.ControlCharacter, $"0\r\nX: {c}\r\n\r\n");
            yield return InChunks($"{hex} as chunk size", Violation.ChunkSize, $"{c}1\r\na\r\n0\r\n\r\n");
        }

        // Request line
        foreach (
            var (line, violation) in new[]
            {
                ("GET  / HTTP/1.1", Violation.RequestLine),
                ("GET /  HTTP/1.1", Violation.RequestLine),
                ("GET / HTTP/1.1 ", Violation.RequestLine),
                (" GET / HTTP/1.1", Violation.Method),
                ("GET\t/ HTTP/1.1", Violation.Method),
                ("GET /\tHTTP/1.1", Violation.RequestLine),
                ("GET / HTTP/1.1\t", Violation.RequestLine),
                ("GET /a b HTTP/1.1", Violation.RequestLine),
                ("GET /a\tb HTTP/1.1", Violation.Target),
                ("GET /", Violation.RequestLine),
                ("GET", Violation.Method),
                ("GET ", Violation.RequestLine),
                ("GET HTTP/1.1", Violation.RequestLine),
                ("GET  HTTP/1.1", Violation.RequestLine),
                ("/ HTTP/1.1", Violation.Method),
                ("GE(T / HTTP/1.1", Violation.Method),
                ("G\u00c9T / HTTP/1.1", Violation.Method),
                ("GET: / HTTP/1.1", Violation.Method),
                ("\"GET\" / HTTP/1.1", Violation.Method),
                ("GET / http/1.1", Violation.RequestLine),
                ("GET / HTTP/1.1x", Violation.RequestLine),
                ("GET / HTTP/11", Violation.RequestLine),
                ("GET / HTTP/1", Violation.RequestLine),
                ("GET / HTTP/1.10", Violation.RequestLine),
                ("GET / HTTP/01.1", Violation.RequestLine),
                ("GET / XTTP/1.1", Violation.RequestLine),
                ("GET / HTTP/a.b", Violation.RequestLine),
                ("GET / HTTP 1.1", Violation.RequestLine),
                ("GET / HTTPS/1.1", Violation.RequestLine),
                ("GET /HTTP/1.1", Violation.RequestLine),
                ("GET / HTTP/0.9", Violation.Version),
                ("GET / HTTP/1.2", Violation.Version),
                ("GET / HTTP/2.0", Violation.Version),
                ("GET / HTTP/1.9", Violation.Version),
                ("GET / HTTP/3.1", Violation.Version),
                ("GET /# HTTP/1.1", Violation.Target),
                ("GET /a?b#c HTTP/1.1", Violation.Target),
                ("GET /\u00e4 HTTP/1.1", Violation.Target),
                ("GET /?\u0080 HTTP/1.1", Violation.Target),
                ("GET a HTTP/1.1", Violation.Target),
                ("GET ?a HTTP/1.1", Violation.Target),
                ("GET * HTTP/1.1", Violation.Target),
                ("OPTIONS ** HTTP/1.1", Violation.Target),
                ("OPTIONS *x HTTP/1.1", Violation.Target),
                ("GET \\ HTTP/1.1", Violation.Target),
                ("GET a:80 HTTP/1.1", Violation.Target),
                ("GET ftp://a/ HTTP/1.1", Violation.Target),
                ("GET ws://a/ HTTP/1.1", Violation.Target),
                ("GET http:///x HTTP/1.1", Violation.Target),
                ("GET http://u@a/ HTTP/1.1", Violation.Target),
                ("GET http:/a HTTP/1.1", Violation.Target),
                ("GET http://a:b/ HTTP/1.1", Violation.Target),
                ("GET http://a\\b/ HTTP/1.1", Violation.Target),
                ("GET http://a:99999/ HTTP/1.1", Violation.Target),
                ("GET http://[::1/ HTTP/1.1", Violation.Target),
                ("GET http://a%20/ HTTP/1.1", Violation.Target),
                ("CONNECT a HTTP/1.1", Violation.Target),
                ("CONNECT / HTTP/1.1", Violation.None),
                ("CONNECT http://a/ HTTP/1.1", Violation.Target),
                ("PRI * HTTP/1.1", Violation.Target),
                ("PRI * HTTP/2.1", Violation.Version),
                ("GET http://b/ HTTP/1.1", Violation.HostMismatch),
                ("GET https://a:80/ HTTP/1.1", Violation.HostMismatch),
                ("GET http://a:81/ HTTP/1.1", Violation.HostMismatch),
                ("CONNECT b:80 HTTP/1.1", Violation.HostMismatch),
            }
        )
        {
            if (violation != Violation.None)
            {
                yield return Bad($"line '{line}'", violation, $"{line}\r\n{Host}\r\n");
            }
        }

        yield return Bad("request line too long", Violation.RequestLineTooLong, Get("/" + new string('a', 8190 - 13)));
        yield return Bad("request line without end", Violation.RequestLineTooLong, new string('a', 8191));

        // Fields
        foreach (
            var (line, violation) in new[]
            {
                ("X : y", Violation.FieldName),
                ("X\t: y", Violation.FieldName),
                (": y", Violation.FieldName),
                ("X", Violation.FieldName),
                ("X y", Violation.FieldName),
                ("X Y: z", Violation.FieldName),
                ("X(: y", Violation.FieldName),
                ("X\u00e9: y", Violation.FieldName),
                ("\"X\": y", Violation.FieldName),
                ("X/: y", Violation.FieldName),
                ("X,Y: z", Violation.FieldName),
                ("X;: y", Violation.FieldName),
                ("X=: y", Violation.FieldName),
                ("X@: y", Violation.FieldName),
                ("[X]: y", Violation.FieldName),
                ("{X}: y", Violation.FieldName),
                ("<X>: y", Violation.FieldName),
                ("X\\: y", Violation.FieldName),
                ("X?: y", Violation.FieldName),
                (" X: y", Violation.LineFolding),
                ("\tX: y", Violation.LineFolding),
                (" ", Violation.LineFolding),
                (" folded", Violation.LineFolding),
                ("Content-Length : 4", Violation.FieldName),
                ("Transfer-Encoding : chunked", Violation.FieldName),
                ("Host : b", Violation.FieldName),
                (" Transfer-Encoding: chunked", Violation.LineFolding),
                ("Transfer-Encoding\u00a0: chunked", Violation.FieldName),
                ("Host: a", Violation.HostRepeated),
                ("host: b", Violation.HostRepeated),
            }
        )
        {
            yield return Bad($"field '{line}'", violation, Get("/", $"{Host}{line}\r\n"));
        }

        yield return Bad("folded value", Violation.LineFolding, Get("/", $"{Host}X: a\r\n b\r\n"));
        yield return Bad(
            "folded encoding",
            Violation.EncodingInvalid,
            $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"
        );
        yield return Bad("folded before any field", Violation.LineFolding, "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
        yield return Bad(
            "101 fields",
            Violation.TooManyFields,
            Get("/", Host + string.Concat(Enumerable.Range(0, 100).Select(i => $"X{i}: y\r\n")))
        );
        yield return Bad(
            "fields too long",
            Violation.FieldsTooLong,
            Get("/", $"{Host}X: {new string('a', 32 * 1024)}\r\n")
        );
        yield return Bad(
            "field without end",
            Violation.FieldsTooLong,
            $"GET / HTTP/1.1\r\n{Host}X: {new string('a', 33 * 1024)}"
        );
        yield return Bad(
            "many long fields",
            Violation.FieldsTooLong,
            Get("/", Host + string.Concat(Enumerable.Repeat($"X: {new string('a', 1020)}\r\n", 33)))
        );

        // Host
        yield return Bad("no Host", Violation.HostMissing, "GET / HTTP/1.1\r\nX: y\r\n\r\n");
        yield return Bad("no fields", Violation.HostMissing, "GET / HTTP/1.1\r\n\r\n");
        yield return Bad("absolute form without Host", Violation.HostMissing, "GET http://a/ HTTP/1.1\r\nX: y\r\n\r\n");
        yield return Bad(
            "two Hosts in HTTP/1.0",
            Violation.HostRepeated,
            "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"
        );
        foreach (
            var host in (string[])
                [
                    "",
                    " ",
                    "a b",
                    "a,b",
                    "a/b",
                    "a?b",
                    "a#b",
                    "u@a",
                    "a:",
                    "a:b",
                    "a:80:80",
                    "a:65536",
                    "a:+80",
                    "a: 80",
                    "a:-1",
                    ":80",
                    "http://a",
                    "a\\b",
                    "[::1",
                    "::1",
                    "[]",
                    "[::1]x",
                    "[::1]:",
                    "[g::1]",
                    "[::1%25eth0]",
                    "a%20",
                    "a;b",
                    "\u00e4",
                    "a\u0080",
                    "a\"",
                    "<a>",
                    "a|b",
                    "{a}",
                    "a:000080",
                ]
        )
        {
            yield return Bad($"Host '{host}'", Violation.HostInvalid, Get("/", $"Host: {host}\r\n"));
        }

        // Chunks
        foreach (
            var (size, violation) in new[]
            {
                ("x", Violation.ChunkSize),
                ("", Violation.ChunkSize),
                (" 1", Violation.ChunkSize),
                ("1 ", Violation.ChunkSize),
                ("\t1", Violation.ChunkSize),
                ("+1", Violation.ChunkSize),
                ("-1", Violation.ChunkSize),
                ("0x1", Violation.ChunkSize),
                ("1.0", Violation.ChunkSize),
                ("1,1", Violation.ChunkSize),
                ("1h", Violation.ChunkSize),
                ("1_1", Violation.ChunkSize),
                (";a", Violation.ChunkSize),
                ("1 ;a", Violation.ChunkSize),
                ("\u00b9", Violation.ChunkSize),
                ("80000000", Violation.ChunkSize),
                ("100000000", Violation.ChunkSize),
                ("FFFFFFFFFFFFFFFF", Violation.ChunkSize),
                ("10000000000000001", Violation.ChunkSize),
                ("ffffffffffffffff1", Violation.ChunkSize),
                ("1\"", Violation.ChunkSize),
                ($"1;{new string('a', 256)}", Violation.ChunkLineTooLong),
                (new string('0', 257), Violation.ChunkLineTooLong),
            }
        )
        {
            yield return InChunks(
                $"size {size.Length} '{size[..Math.Min(20, size.Length)]}'",
                violation,
                $"{size}\r\na\r\n0\r\n\r\n"
            );
        }

        yield return InChunks("LF after a size", Violation.LineEnd, "1\na\r\n0\r\n\r\n");
        yield return InChunks("CR after a size", Violation.LineEnd, "1\ra\r\n0\r\n\r\n");
        yield return InChunks("CR CR LF after a size", Violation.LineEnd, "1\r\r\na\r\n0\r\n\r\n");
        yield return InChunks("LF in an extension", Violation.LineEnd, "1;a\nb\r\na\r\n0\r\n\r\n");
        yield return InChunks("CR in an extension", Violation.LineEnd, "1;a\rb\r\na\r\n0\r\n\r\n");
        yield return InChunks("LF ends an extension", Violation.LineEnd, "1;a\na\r\n0\r\n\r\n");
        yield return InChunks("an extension hides a chunk", Violation.LineEnd, "5;\nxxxxx\r\n0\r\n\r\n");
        yield return InChunks("LF after data", Violation.LineEnd, "1\r\na\n0\r\n\r\n");
        yield return InChunks("CR after data", Violation.LineEnd, "1\r\na\r0\r\n\r\n");
        yield return InChunks("data too long", Violation.ChunkEnd, "1\r\nab\r\n0\r\n\r\n");
        yield return InChunks("data without end", Violation.ChunkEnd, "1\r\na0\r\n\r\n");
        yield return InChunks("LF after the last size", Violation.LineEnd, "0\n\r\n");
        yield return InChunks("LF as the last line", Violation.LineEnd, "0\r\n\n");
        yield return InChunks("CR as the last line", Violation.LineEnd, "0\r\n\rX");
        yield return InChunks("trailer Content-Length", Violation.TrailerField, "0\r\nContent-Length: 4\r\n\r\n");
        yield return InChunks(
            "trailer Transfer-Encoding",
            Violation.TrailerField,
            "0\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        yield return InChunks("trailer Host", Violation.TrailerField, "0\r\nHost: b\r\n\r\n");
        yield return InChunks("trailer name with space", Violation.FieldName, "0\r\nX : y\r\n\r\n");
        yield return InChunks("folded trailer", Violation.LineFolding, "0\r\nX: y\r\n z\r\n\r\n");
        yield return InChunks("trailer line with LF", Violation.LineEnd, "0\r\nX: y\n\r\n");
        yield return InChunks("trailer without colon", Violation.FieldName, "0\r\nGET / HTTP/1.1\r\n\r\n");
        yield return InChunks(
            "trailers too long",
            Violation.FieldsTooLong,
            $"0\r\nX: {new string('a', 33 * 1024)}\r\n\r\n"
        );
        yield return InChunks(
            "too many trailers",
            Violation.TooManyFields,
            $"0\r\n{string.Concat(Enumerable.Repeat("X: y\r\n", 99))}\r\n"
        );

        // After good requests
        yield return Bad("second request without Host", Violation.HostMissing, Get() + "GET / HTTP/1.1\r\n\r\n", 1);
        yield return Bad(
            "third request with two lengths",
            Violation.LengthRepeated,
            Get() + Post(2, "ab") + $"POST / HTTP/1.1\r\n{Host}Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
            2
        );
        yield return Bad("body longer than its length", Violation.Method, Post(2, "ab(GET / HTTP/1.1\r\n\r\n"), 1);
        yield return Bad("garbage after chunks", Violation.Method, Chunked("0\r\n\r\n") + "\0\x1"[..0] + "((\r\n", 1);
        yield return Bad("TLS hello", Violation.ControlCharacter, "\u0016\u0003\u0001\u0002\u0000\u0001\u0000");
        yield return Bad("HTTP/2 preface of another", Violation.Preface, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
        yield return Bad(
            "HTTP/2 preface after a request",
            Violation.Version,
            Get() + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            1
        );
        yield return Bad(
            "after an upgrade not taken",
            Violation.HostMissing,
            Get("/", $"{Host}Connection: Upgrade\r\nUpgrade: x\r\n") + "GET / HTTP/1.1\r\n\r\n",
            1
        );

        static WireCase InChunks(string name, Violation violation, string chunks) =>
            new($"chunks: {name}", Chunked(chunks), violation, 0, InBody: true);
    }
}
