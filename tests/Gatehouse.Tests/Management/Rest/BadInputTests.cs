using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Management;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>What no honest client sends, made from the document for every route: it is refused in words, and never breaks anything.</summary>
public sealed class BadInputTests(BadInputTests.Manager manager) : IClassFixture<BadInputTests.Manager>
{
    private static readonly string s_long = new('x', 20_000);

    private static readonly string[] s_ids =
    [
        "nobody-made-this",
        "%00",
        "..%2f..%2fetc%2fpasswd",
        "%F0%9F%90%99%E2%80%AE%D7%90",
        "a:b:c",
        "%ED%A0%80",
        "'%20OR%201=1--",
        new('i', 3_000),
    ];

    private static readonly string[] s_bodies =
    [
        "",
        "{",
        "[]",
        "null",
        "\"text\"",
        "{\"nobodyKnowsThis\":1}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        new('[', 300),
    ];

    // Raw JSON, because not all of it is JSON a writer would write.
    private static readonly string[] s_values =
    [
        "null",
        "{}",
        "[[]]",
        "true",
        "-1",
        "1e400",
        "9223372036854775808",
        "\"\"",
        "\" \"",
        "\"\\u0000\\u0007\\u202e\"",
        "\"\\ud800\"",
        "\"\\ud83d\\udc19 \\u05d0\\u0301\"",
        "[\"\",\"\\ud800\",\"a\",\"a\"]",
        $"\"{s_long}\"",
        $"[\"{s_long}\"]",
    ];

    private static readonly string[] s_queries =
    [
        "nonsense",
        "99999999999999999999",
        "%00",
        "%ED%A0%80",
        s_long[..2_000],
    ];

    private static JsonNode Document { get; } = RestDescription.Read();

    [Fact]
    public async Task No_body_breaks_a_route()
    {
        var broken = new List<string>();
        foreach (var (method, path, operation) in RestDocumentTests.OperationsOf(Document))
        {
            if (operation["requestBody"]?["content"]?["application/json"]?["schema"] is not { } schema)
            {
                continue;
            }

            var members = Members(schema);
            foreach (
                var body in s_bodies.Concat(
                    // Of the values one in eight for each member, in turn: every one meets every sort of member somewhere.
                    members.Keys.SelectMany(
                        (name, i) =>
                            s_values
                                .Where((_, j) => (i + j + path.Length) % 8 == 0)
                                .Select(value => With(members, name, value))
                    )
                )
            )
            {
                var content = new StringContent(body, Encoding.UTF8, "application/json");
                await JudgeAsync(broken, method, Fill(path, "nobody"), content, body);
            }

            await JudgeAsync(
                broken,
                method,
                Fill(path, "nobody"),
                new ByteArrayContent([0xff, 0xfe, 0x00]) { Headers = { ContentType = new("application/json") } },
                "no UTF-8"
            );
            await JudgeAsync(broken, method, Fill(path, "nobody"), new StringContent("a=b"), "a form");
        }

        Assert.Empty(broken);
    }

    [Fact]
    public async Task What_is_not_there_is_not_found_whatever_it_is_called()
    {
        var broken = new List<string>();
        foreach (
            var (method, path, operation) in RestDocumentTests
                .OperationsOf(Document)
                .Where(o => o.Path.Contains('{', StringComparison.Ordinal))
        )
        {
            // Every other one, in turn.
            foreach (var id in s_ids.Where((_, i) => (i + path.Length) % 2 == 0))
            {
                var text = await JudgeAsync(
                    broken,
                    method,
                    Fill(path, id),
                    method is "GET" or "DELETE" ? null : Sample(operation),
                    ""
                );
                // What is put may be made by its name.
                if (text is (>= 200 and < 300, _) && method != "PUT")
                {
                    broken.Add($"{method} {path} finds '{id}'");
                }
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public async Task Numbers_and_words_of_a_query_that_are_none_are_refused()
    {
        var broken = new List<string>();
        foreach (var (method, path, operation) in RestDocumentTests.OperationsOf(Document))
        {
            foreach (
                var parameter in (operation["parameters"]?.AsArray() ?? []).Where(p =>
                    p!["in"]!.GetValue<string>() == "query"
                )
            )
            {
                var name = parameter!["name"]!.GetValue<string>();
                foreach (var value in s_queries)
                {
                    var (status, _) = await JudgeAsync(
                        broken,
                        method,
                        $"{Fill(path, "nobody")}?{name}={value}",
                        method is "GET" or "DELETE" ? null : Sample(operation),
                        ""
                    );
                    if (status is >= 200 and < 300 && Types(parameter["schema"]!).Contains("integer"))
                    {
                        broken.Add($"{method} {path} takes {name}={value}");
                    }
                }
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public async Task An_ETag_that_is_none_is_refused()
    {
        var broken = new List<string>();
        foreach (var (method, path, operation) in RestDocumentTests.OperationsOf(Document).Where(IsConditional))
        {
            foreach (
                var tag in (string[])["17", "W/\"17\"", "\"-1\"", "\"99999999999999999999\"", "\"\"", s_long[..4_000]]
            )
            {
                var (response, text) = await manager.Host.SendAsync(
                    method,
                    Fill(path, "nobody"),
                    manager.Token,
                    Sample(operation),
                    ("If-Match", tag)
                );
                if ((int)response.StatusCode is < 400 or >= 500)
                {
                    broken.Add($"{method} {path} If-Match {tag}: {(int)response.StatusCode} {text}");
                }
            }
        }

        Assert.Empty(broken);
    }

    internal static bool IsConditional((string Method, string Path, JsonNode Operation) route) =>
        (route.Operation["parameters"]?.AsArray() ?? []).Any(p => p!["name"]!.GetValue<string>() == "If-Match");

    internal static string Fill(string path, string id)
    {
        while (path.IndexOf('{', StringComparison.Ordinal) is >= 0 and var open)
        {
            path = path[..open] + id + path[(path.IndexOf('}', open) + 1)..];
        }

        return path;
    }

    private async Task<(int Status, string Text)> JudgeAsync(
        List<string> broken,
        string method,
        string path,
        HttpContent? content,
        string body
    )
    {
        if (
            path.StartsWith("/api/v1/events", StringComparison.Ordinal)
            || path.Contains("logout", StringComparison.Ordinal)
        )
        {
            return (0, "");
        }

        var (response, text) = await manager.Host.SendAsync(method, path, manager.Token, content);
        using (response)
        {
            var status = (int)response.StatusCode;
            var what = $"{method} {path[..Math.Min(path.Length, 120)]} {body[..Math.Min(body.Length, 200)]}";
            if (status >= 500)
            {
                broken.Add($"{what}: {status} {text[..Math.Min(text.Length, 300)]}");
            }
            else if (path.Contains("%00", StringComparison.Ordinal))
            {
                // The server itself takes no such path.
            }
            else if (status >= 400 && response.Content.Headers.ContentType?.MediaType != "application/problem+json")
            {
                broken.Add($"{what}: {status} without a problem document");
            }

            return (status, text);
        }
    }

    private static SortedDictionary<string, string> Members(JsonNode schema)
    {
        var members = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, member) in Resolve(schema)["properties"]?.AsObject() ?? [])
        {
            members[name] = Value(member!);
        }

        return members;
    }

    private static string With(SortedDictionary<string, string> members, string name, string value) =>
        "{" + string.Join(',', members.Select(m => $"\"{m.Key}\":{(m.Key == name ? value : m.Value)}")) + "}";

    private static StringContent Sample(JsonNode operation) =>
        operation["requestBody"]?["content"]?["application/json"]?["schema"] is { } schema
            ? new(With(Members(schema), "", ""), Encoding.UTF8, "application/json")
            : new("x", Encoding.UTF8, "text/plain");

    private static string Value(JsonNode schema)
    {
        schema = Resolve(schema);
        if (schema["enum"] is JsonArray { Count: > 0 } values)
        {
            return values[0]?.ToJsonString() ?? "null";
        }

        var types = Types(schema);
        return types.Contains("string") ? "\"sample\""
            : types.Contains("integer") || types.Contains("number") ? "1"
            : types.Contains("boolean") ? "false"
            : types.Contains("array") ? "[]"
            : types.Contains("null") ? "null"
            : "{}";
    }

    private static List<string> Types(JsonNode schema) =>
        schema["type"] switch
        {
            JsonArray many => [.. many.Select(t => t!.GetValue<string>())],
            JsonValue one => [one.GetValue<string>()],
            _ => [],
        };

    private static JsonNode Resolve(JsonNode schema)
    {
        while (true)
        {
            if (schema["$ref"]?.GetValue<string>() is { } reference)
            {
                schema = Document["components"]!["schemas"]![reference.Split('/')[^1]]!;
            }
            else if (
                schema["oneOf"] is JsonArray any
                && any.FirstOrDefault(s => s!["type"]?.ToString() != "null") is { } one
            )
            {
                schema = one;
            }
            else
            {
                return schema;
            }
        }
    }

    /// <summary>One manager for all of it: whatever of it was taken, the rest meets.</summary>
    public sealed class Manager : IAsyncLifetime
    {
        internal RestHost Host { get; private set; } = null!;

        internal string Token { get; private set; } = "";

        /// <inheritdoc/>
        public async ValueTask InitializeAsync()
        {
            Host = await RestHost.StartAsync(whole: true);
            Token = await Host.TokenAsync();
        }

        /// <inheritdoc/>
        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }
}
