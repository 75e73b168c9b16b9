using System.Text;

namespace Gatehouse.Portal.DevPortal;

/// <summary>One call in several languages, with the standard library of each.</summary>
internal static class CodeSample
{
    /// <summary>The samples, the simplest first.</summary>
    public static IEnumerable<(string Language, string Code)> Of(
        string method,
        string url,
        string? header,
        string value,
        string? body
    )
    {
        yield return ("curl", Curl(method, url, header, value, body));
        yield return ("C#", CSharp(method, url, header, value, body));
        yield return ("JavaScript", JavaScript(method, url, header, value, body));
        yield return ("Python", Python(method, url, header, value, body));
    }

    /// <summary>The call for a shell.</summary>
    public static string Curl(string method, string url, string? header, string value, string? body)
    {
        var text = new StringBuilder("curl ");
        if (method != "GET")
        {
            text.Append("-X ").Append(method).Append(' ');
        }

        text.Append(Shell(url));
        if (header is not null)
        {
            text.Append(" \\\n  -H ").Append(Shell($"{header}: {value}"));
        }

        if (body is not null)
        {
            text.Append(" \\\n  -H 'Content-Type: application/json' \\\n  -d ").Append(Shell(body));
        }

        return text.ToString();
    }

    private static string CSharp(string method, string url, string? header, string value, string? body)
    {
        var text = new StringBuilder("using var http = new HttpClient();\n");
        text.Append("using var request = new HttpRequestMessage(HttpMethod.Parse(")
            .Append(Quoted(method))
            .Append("), ")
            .Append(Quoted(url))
            .Append(");\n");
        if (header is not null)
        {
            text.Append("request.Headers.Add(")
                .Append(Quoted(header))
                .Append(", ")
                .Append(Quoted(value))
                .Append(");\n");
        }

        if (body is not null)
        {
            text.Append("request.Content = new StringContent(")
                .Append(Quoted(body))
                .Append(", Encoding.UTF8, \"application/json\");\n");
        }

        return text.Append(
                "using var response = await http.SendAsync(request);\nConsole.WriteLine(await response.Content.ReadAsStringAsync());"
            )
            .ToString();
    }

    private static string JavaScript(string method, string url, string? header, string value, string? body)
    {
        var headers = new List<string>();
        if (header is not null)
        {
            headers.Add($"{Quoted(header)}: {Quoted(value)}");
        }

        if (body is not null)
        {
            headers.Add("\"Content-Type\": \"application/json\"");
        }

        return $"const response = await fetch({Quoted(url)}, {{\n  method: {Quoted(method)},\n  headers: {{ {string.Join(", ", headers)} }},\n{(body is null ? "" : $"  body: {Quoted(body)},\n")}}});\nconsole.log(await response.text());";
    }

    private static string Python(string method, string url, string? header, string value, string? body)
    {
        var headers = header is null ? "{}" : $"{{{Quoted(header)}: {Quoted(value)}}}";
        var text = new StringBuilder("from urllib.request import Request, urlopen\n\n");
        text.Append("request = Request(")
            .Append(Quoted(url))
            .Append(", method=")
            .Append(Quoted(method))
            .Append(", headers=")
            .Append(headers)
            .Append(")\n");
        if (body is not null)
        {
            text.Append("request.add_header(\"Content-Type\", \"application/json\")\nrequest.data = ")
                .Append(Quoted(body))
                .Append(".encode()\n");
        }

        return text.Append("print(urlopen(request).read().decode())").ToString();
    }

    private static string Shell(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    // JSON's strings are strings of all three languages.
    private static string Quoted(string text) => System.Text.Json.JsonSerializer.Serialize(text, s_plain);

    private static readonly System.Text.Json.JsonSerializerOptions s_plain = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // the page escapes it
    };
}
