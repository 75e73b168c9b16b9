using CsCheck;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>Generates byte streams near the border between valid and not: valid pieces with some odd ones among them.</summary>
internal static class WireGen
{
    private static readonly Gen<string> LineEnd = Often("\r\n", "\n", "\r", "\r\r\n", "\n\r");

    private static readonly Gen<string> Method = Often("GET", "POST", "PUT", "M-X", "get", "G(T", "", "OPTIONS");

    private static readonly Gen<string> Target = Gen.OneOf(
        Often("/", "/a/b?c=d", "/x%2fy", "/a;b", "*", "http://h/x", "http://other/", "/a b", "/\u00e4", "/#f", "h:80"),
        Gen.String[Gen.Char["/abc.%25?=&;:@#\\ \t\u0001"], 1, 12].Select(s => "/" + s)
    );

    private static readonly Gen<string> Version = Often("HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 ");

    private static readonly Gen<string> Blank = Often(" ", "", "\t", "  ", " \t ");

    private static readonly Gen<string> FieldName = Often(
        "X-A",
        "Accept",
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Connection",
        "Upgrade",
        "X A",
        "",
        " X",
        "Content-Length ",
        "content-length",
        "X_B",
        "Expect",
        "Trailer",
        "TE",
        "Transfer_Encoding",
        "Content-Type"
    );

    private static readonly Gen<string> FieldValue = Gen.OneOf(
        Often(
            "a",
            "",
            "4",
            "0",
            "chunked",
            "h",
            "close",
            "keep-alive",
            "+4",
            "4,4",
            "100-continue",
            "a\tb",
            "gr\u00fc\u00df",
            "upgrade",
            "gzip, chunked"
        ),
        Gen.String[Gen.Char["abc019 \t,;:=\"\\/\u00e9\0\r\n\u007f"], 0, 10]
    );

    private static readonly Gen<string> Field = Gen.Select(FieldName, Blank, FieldValue, Blank, LineEnd)
        .Select((name, before, value, after, end) => $"{name}:{before}{value}{after}{end}");

    private static readonly Gen<string> Harmless = OneOf(
        "X-A: 1\r\n",
        "Accept: */*\r\n",
        "X-B:\r\n",
        "Cookie: a=b; c=d\r\n"
    );

    private static readonly Gen<string> Data = Gen.String[Gen.Char["ab\r\n0;:"], 0, 20];

    private static readonly Gen<string> Chunk = Gen.Select(
            Data,
            Often("", ";a=b", ";a=\"b c\"", ";\n", " ", ";a\rb"),
            LineEnd,
            LineEnd
        )
        .Select(
            (data, extension, end, after) => data.Length == 0 ? "" : $"{data.Length:x}{extension}{end}{data}{after}"
        );

    private static readonly Gen<string> Trailers = Gen.Select(
            Often("", "X-T: 1\r\n", "Content-Length: 4\r\n", "X : y\r\n"),
            LineEnd
        )
        .Select((fields, end) => $"{fields}{end}");

    private static readonly Gen<string> GoodRequest = Gen.OneOf(
        Harmless.Array[0, 3].Select(f => $"GET /g HTTP/1.1\r\nHost: h\r\n{string.Concat(f)}\r\n"),
        Gen.Select(Harmless.Array[0, 3], Data)
            .Select(
                (f, d) => $"POST /l HTTP/1.1\r\n{string.Concat(f)}Host: h\r\nContent-Length: {d.Length}\r\n\r\n{d}"
            ),
        Data.Array[0, 4]
            .Select(d =>
                "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                + string.Concat(d.Where(x => x.Length > 0).Select(x => $"{x.Length:X}\r\n{x}\r\n"))
                + "0\r\n\r\n"
            )
    );

    private static readonly Gen<string> OddRequest = Gen.Select(
            Method,
            Target,
            Version,
            LineEnd,
            Field.Array[0, 4],
            LineEnd,
            Gen.Select(Chunk.Array[0, 3], Trailers)
        )
        .Select(
            (method, target, version, end, fields, blank, body) =>
                $"{method} {target} {version}{end}Host: h\r\n{string.Concat(fields)}{blank}"
                + (
                    string.Concat(fields).Contains("chunked", StringComparison.Ordinal)
                        ? $"{string.Concat(body.Item1)}0\r\n{body.Item2}"
                        : ""
                )
        );

    /// <summary>Some requests after each other, most of them good.</summary>
    public static Gen<string> Stream { get; } =
        Gen.Frequency((3, GoodRequest), (2, OddRequest)).Array[1, 5].Select(string.Concat);

    /// <summary>Good requests only, of which none may be refused.</summary>
    public static Gen<string> ValidStream { get; } = GoodRequest.Array[1, 6].Select(string.Concat);

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    /// <summary>The first far more often than the others.</summary>
    private static Gen<string> Often(params string[] values) =>
        Gen.Frequency((values.Length * 2, Gen.Const(values[0])), (values.Length, OneOf(values)));
}
