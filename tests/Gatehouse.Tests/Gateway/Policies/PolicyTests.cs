using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;

namespace Gatehouse.Tests.Gateway.Policies;

/// <summary>Every policy, over real sockets.</summary>
public sealed class PolicyTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private TestGateway _gateway = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _gateway = await TestGateway.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Fact]
    public async Task Headers_are_removed_renamed_set_and_added_both_ways()
    {
        Serve(
            Use(
                "headers",
                """
                {
                  "request": { "remove": ["X-Gone"], "rename": { "X-Old": "X-New" }, "set": { "X-Set": "1" }, "add": { "X-More": "b" } },
                  "answer": { "remove": ["X-Powered-By"], "set": { "X-From": "gateway" } }
                }
                """
            )
        );
        _backend.OnRequest = (_, s) => Backend.ReplyAsync(s, "ok", headers: "X-Powered-By: cat\r\n");

        using var answer = await GetAsync(("X-Gone", "1"), ("X-Old", "old"), ("X-Set", "callers"), ("X-More", "a"));

        var seen = _backend.Only;
        Assert.Null(seen.Header("X-Gone"));
        Assert.Null(seen.Header("X-Old"));
        Assert.Equal("old", seen.Header("X-New"));
        Assert.Equal("1", seen.Header("X-Set"));
        Assert.Equal(["a", "b"], seen.Headers("X-More").SelectMany(v => v.Split(", ")));
        Assert.False(answer.Headers.Contains("X-Powered-By"));
        Assert.Equal("gateway", answer.Headers.GetValues("X-From").Single());
    }

    [Fact]
    public async Task Headers_of_problems_are_edited_when_asked_for()
    {
        _gateway.Run(
            Api([Use("headers", """{ "answer": { "set": { "X-From": "gateway" } }, "onFaults": true }""")])
                .Keyed()
                .Put()
        );

        using var refused = await GetAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal("gateway", refused.Headers.GetValues("X-From").Single());
    }

    [Theory]
    [InlineData("""{ "path": "/v2/animals/{id}" }""", "/pets/7?a=1", "GET /v2/animals/7?a=1 HTTP/1.1")]
    [InlineData("""{ "path": "/x" }""", "/pets/7", "GET /x HTTP/1.1")]
    [InlineData("""{ "method": "POST" }""", "/pets/7", "POST /pets/7 HTTP/1.1")]
    [InlineData(
        """{ "removeQuery": ["a"], "setQuery": { "b": "x y" } }""",
        "/pets/7?a=1&c=2&%61=3&b=9",
        "GET /pets/7?c=2&b=x%20y HTTP/1.1"
    )]
    [InlineData("""{ "path": "/v2/{id}" }""", "/pets/caf%C3%A9", "GET /v2/caf%C3%A9 HTTP/1.1")]
    public async Task What_goes_out_is_rewritten(string settings, string path, string line)
    {
        _gateway.Run(Api([Use("rewrite", settings)], "GET /pets/{id}").Put());

        using var answer = await _gateway.GetAsync("/petstore/1.0.0" + path);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(line, _backend.Only.Line);
    }

    [Fact]
    public async Task A_rewritten_path_passes_the_judge_that_the_callers_passed()
    {
        _gateway.Run(Api([Use("rewrite", """{ "path": "/a/../{id}" }""")], "GET /pets/{id}").Put());

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets/7");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public void A_rewrite_that_names_what_the_template_has_not_is_refused_with_its_place()
    {
        var refusal = Assert.Single(
            _gateway.Apply(Api([Use("rewrite", """{ "path": "/v2/{name}" }""")], "GET /pets/{id}").Put())
        );

        Assert.Equal("/operations/0/policies", refusal.Field);
    }

    [Fact]
    public async Task A_preflight_is_answered_here_with_the_methods_that_the_resource_has()
    {
        _gateway.Run(
            Api(
                    [
                        Use(
                            "cors",
                            """{ "allowOrigins": ["https://*.example.com"], "allowCredentials": true, "maxAge": 600 }"""
                        ),
                    ],
                    "GET /pets",
                    "DELETE /pets"
                )
                .Keyed()
                .Put()
        );

        using var answer = await _gateway.SendAsync(
            HttpMethod.Options,
            "/petstore/1.0.0/pets",
            headers: [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "DELETE")]
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("https://app.example.com", Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal("true", Header(answer, "Access-Control-Allow-Credentials"));
        Assert.Equal("GET, DELETE", Header(answer, "Access-Control-Allow-Methods"));
        Assert.Equal("600", Header(answer, "Access-Control-Max-Age"));
        Assert.Contains("Origin", answer.Headers.Vary);
        Assert.Empty(_backend.Requests);
    }

    [Theory]
    [InlineData("https://app.example.com", true)]
    [InlineData("https://a.b.example.com", true)]
    [InlineData("https://example.com", false)]
    [InlineData("https://badexample.com", false)]
    [InlineData("http://app.example.com", false)]
    [InlineData("https://evil.com/?.example.com", false)]
    [InlineData("https://app.example.com.evil.com", false)]
    [InlineData("https://app.example.com:8443", false)]
    [InlineData("null", false)]
    public async Task Only_pages_of_named_origins_may_read_answers_and_problems(string origin, bool allowed)
    {
        _gateway.Run(Api([Use("cors", """{ "allowOrigins": ["https://*.example.com"] }""")], "GET /pets").Put());

        using var answer = await GetAsync(("Origin", origin));
        using var problem = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/nothing",
            headers: [("Origin", origin)]
        );

        Assert.Equal(allowed ? origin : null, Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal(HttpStatusCode.NotFound, problem.StatusCode);
        Assert.Equal(allowed ? origin : null, Header(problem, "Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task The_backends_own_CORS_headers_win()
    {
        Serve(Use("cors", "{}"));
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(s, "", headers: "Access-Control-Allow-Origin: https://own.example\r\n");

        using var answer = await GetAsync(("Origin", "https://other.example"));

        Assert.Equal("https://own.example", Header(answer, "Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Requests_and_answers_that_are_too_large_are_refused()
    {
        Serve(Use("size-limit", """{ "request": 10, "answer": 20 }"""));
        _backend.OnRequest = (r, s) =>
            r.Target == "/chunks"
                ? Backend.WriteAsync(
                    s,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n123456789012345678901\r\n0\r\n\r\n"
                )
                : Backend.ReplyAsync(s, new string('x', r.Target == "/large" ? 21 : 20));

        using var request = await PostAsync("12345678901");
        using var fits = await GetAsync();
        using var large = await _gateway.GetAsync("/petstore/1.0.0/large");
        using var chunks = await _gateway.GetAsync("/petstore/1.0.0/chunks");

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, request.StatusCode);
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, large.StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, chunks.StatusCode);
    }

    [Theory]
    [InlineData("""{ "deny": ["127.0.0.0/8"] }""", 403)]
    [InlineData("""{ "allow": ["10.0.0.0/8"] }""", 403)]
    [InlineData("""{ "allow": ["127.0.0.1"] }""", 200)]
    [InlineData("""{ "allow": ["127.0.0.1"], "deny": ["127.0.0.1"] }""", 403)]
    public async Task Addresses_are_let_in_or_not(string settings, int status)
    {
        Serve(Use("ip-filter", settings));

        using var answer = await GetAsync();

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("""{"a":[1,2,3]}""", 200)]
    [InlineData("""{"a":[1,2,3,4]}""", 400)]
    [InlineData("""[[[[1]]]]""", 400)]
    [InlineData("""{"a":1,"b":2,"c":3}""", 400)]
    [InlineData("""{"long-name":1}""", 400)]
    [InlineData("""{"a":"12345678901"}""", 400)]
    [InlineData("""{"a":""", 400)]
    [InlineData("""{"a":1} {"b":2}""", 400)]
    public async Task Json_is_bounded(string body, int status)
    {
        Serve(
            Use(
                "json-limits",
                """{ "maxDepth": 3, "maxItems": 3, "maxMembers": 2, "maxNameLength": 5, "maxStringLength": 10 }"""
            )
        );

        using var answer = await PostAsync(body);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(
            status == 200 ? body : null,
            _backend.Requests.TryPeek(out var seen) ? Encoding.UTF8.GetString(seen.Body) : null
        );
    }

    [Theory]
    [InlineData("<a><b x='1'/></a>", 200)]
    [InlineData("<a><b><c><d/></c></b></a>", 400)]
    [InlineData("<a><b/><b/><b/><b/></a>", 400)]
    [InlineData("<a x='1' y='2' z='3'/>", 400)]
    [InlineData("<a>12345678901</a>", 400)]
    [InlineData("<a", 400)]
    [InlineData("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", 400)]
    public async Task Xml_is_bounded_and_has_no_document_type(string body, int status)
    {
        Serve(Use("xml-limits", """{ "maxDepth": 3, "maxElements": 4, "maxAttributes": 2, "maxTextLength": 10 }"""));

        using var answer = await PostAsync(body, "application/xml");

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("/pets?q=1%20UNION+SELECT", "x", 400)]
    [InlineData("/pets?q=union", "x", 200)]
    [InlineData("/pets", "1 union  select 2", 400)]
    public async Task Patterns_are_looked_for_decoded(string path, string body, int status)
    {
        Serve(Use("regex-limits", """{ "patterns": ["(?i)union\\s+select"], "in": ["query", "body"] }"""));

        using var answer = await _gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0" + path, new StringContent(body));

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_compressed_body_is_no_way_around_a_limit()
    {
        Serve(Use("json-limits", "{}"));
        using var content = new StringContent("{}", Encoding.UTF8, "application/json");
        content.Headers.ContentEncoding.Add("gzip");

        using var answer = await _gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/pets", content);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
    }

    [Fact]
    public async Task A_mock_answers_without_a_backend_and_by_the_callers_preference()
    {
        Serve(
            Use(
                "mock",
                """
                { "answers": [ { "body": "{\"id\":1}" }, { "contentType": "application/xml", "body": "<id>1</id>" }, { "status": 404, "body": "{}" } ] }
                """
            )
        );

        using var first = await GetAsync();
        using var xml = await GetAsync(("Accept", "application/xml"));
        using var missing = await GetAsync(("Prefer", "code=404"));

        Assert.Equal("""{"id":1}""", await TextAsync(first));
        Assert.Equal("<id>1</id>", await TextAsync(xml));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task Json_goes_out_as_XML_and_comes_back_as_JSON()
    {
        Serve(Use("convert", """{ "request": "json-to-xml", "answer": "xml-to-json" }"""));
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(
                s,
                "<pet id=\"7\"><tag>a</tag><tag>b</tag><none/></pet>",
                headers: "Content-Type: text/xml\r\nETag: \"1\"\r\n"
            );

        using var answer = await PostAsync("""{"pet":{"@id":7,"name":"Rex & co","tag":["a","b"]}}""");

        Assert.Equal(
            "<pet id=\"7\"><name>Rex &amp; co</name><tag>a</tag><tag>b</tag></pet>",
            Encoding.UTF8.GetString(_backend.Only.Body)
        );
        Assert.Equal("application/xml; charset=UTF-8", _backend.Only.Header("Content-Type"));
        Assert.Equal("""{"pet":{"@id":"7","tag":["a","b"],"none":null}}""", await TextAsync(answer));
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Null(answer.Headers.ETag);
    }

    [Fact]
    public async Task An_answer_that_cannot_be_converted_is_told_as_the_backends_fault()
    {
        Serve(Use("convert", """{ "answer": "xml-to-json" }"""));
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(s, "<!DOCTYPE a><a/>", headers: "Content-Type: application/xml\r\n");

        using var answer = await GetAsync();

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
    }

    [Theory]
    [InlineData("gzip", "", "gzip")]
    [InlineData("gzip, br", "", "br")]
    [InlineData("br;q=0.5, gzip", "", "gzip")]
    [InlineData("br;q=0, *;q=0", "", null)]
    [InlineData("gzip", "Content-Encoding: br\r\n", "br")]
    [InlineData("gzip", "Cache-Control: no-transform\r\n", null)]
    public async Task Answers_are_compressed_as_the_caller_takes_them(string accept, string headers, string? encoding)
    {
        Serve(Use("compress", """{ "minBytes": 10 }"""));
        var text = string.Concat(Enumerable.Repeat("hello gateway ", 500));
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(s, text, headers: "Content-Type: text/plain\r\nETag: \"1\"\r\n" + headers);

        using var answer = await GetAsync(("Accept-Encoding", accept));
        var bytes = await answer.Content.ReadAsByteArrayAsync(Cancel);

        Assert.Equal(encoding, answer.Content.Headers.ContentEncoding.SingleOrDefault());
        if (headers.Length == 0 && encoding is not null)
        {
            using Stream plain =
                encoding == "br"
                    ? new BrotliStream(new MemoryStream(bytes), CompressionMode.Decompress)
                    : new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            Assert.Equal(text, await new StreamReader(plain).ReadToEndAsync(Cancel));
            Assert.True(bytes.Length < text.Length / 4);
            Assert.Contains("Accept-Encoding", answer.Headers.Vary);
            Assert.Equal("W/\"1\"", answer.Headers.ETag?.ToString());
        }
    }

    [Fact]
    public async Task An_answer_to_a_call_with_a_cookie_is_not_compressed()
    {
        Serve(Use("compress", """{ "minBytes": 1 }"""));
        _backend.OnRequest = (_, s) => Backend.ReplyAsync(s, "hello hello", headers: "Content-Type: text/plain\r\n");

        using var answer = await GetAsync(("Accept-Encoding", "gzip"), ("Cookie", "a=1"));

        Assert.Empty(answer.Content.Headers.ContentEncoding);
        Assert.Contains("Accept-Encoding", answer.Headers.Vary);
    }

    [Fact]
    public async Task A_mirror_gets_a_copy_and_a_silent_one_costs_the_call_nothing()
    {
        var copied = new TaskCompletionSource<BackendRequest>();
        await using var shadow = new Backend(
            async (r, _) =>
            {
                copied.TrySetResult(r);
                await Task.Delay(Timeout.Infinite, Cancel);
            }
        );
        Serve(Use("mirror", $$"""{ "url": "{{shadow.Url}}/shadow", "queue": 1, "timeoutMs": 60000 }"""));

        using var first = await PostAsync("body");
        var copy = await copied.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        using var second = await PostAsync("other");

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(HttpStatusCode.OK, second.StatusCode);
        Assert.Equal("POST /shadow/pets HTTP/1.1", copy.Line);
        Assert.Equal("body", Encoding.UTF8.GetString(copy.Body));
        Assert.Single(shadow.Requests);
        Assert.Equal(["body", "other"], _backend.Requests.Select(r => Encoding.UTF8.GetString(r.Body)));
    }

    [Fact]
    public async Task A_mirror_learns_no_grant()
    {
        var copied = new TaskCompletionSource<BackendRequest>();
        await using var shadow = new Backend(
            async (r, s) =>
            {
                copied.TrySetResult(r);
                await Backend.ReplyAsync(s, "");
            }
        );
        Serve(Use("mirror", $$"""{ "url": "{{shadow.Url}}" }"""));

        using var answer = await GetAsync(("X-Gatehouse-Grant", "secret"), ("X-Other", "1"));

        var copy = await copied.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        Assert.Equal("1", copy.Header("X-Other"));
        Assert.Null(copy.Header("X-Gatehouse-Grant"));
    }

    [Fact]
    public async Task A_caller_that_breaks_off_leaves_its_place_at_the_mirror()
    {
        var copied = new TaskCompletionSource();
        await using var shadow = new Backend(
            async (_, s) =>
            {
                copied.TrySetResult();
                await Backend.ReplyAsync(s, "");
            }
        );
        Serve(Use("mirror", $$"""{ "url": "{{shadow.Url}}", "queue": 1 }"""));

        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(IPAddress.Loopback, _gateway.Port, Cancel);
            await socket
                .GetStream()
                .WriteAsync(
                    "POST /petstore/1.0.0/pets HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"u8.ToArray(),
                    Cancel
                );
            await LoopServer.Until(() => _gateway.Engine.InFlight == 1);
            socket.LingerState = new(enable: true, seconds: 0);
        }

        await LoopServer.Until(() => _gateway.Engine.InFlight == 0);
        using var answer = await PostAsync("body");
        await copied.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
    }

    [Theory]
    [InlineData("200 OK", 200)]
    [InlineData("401 Unauthorized", 403)]
    [InlineData("302 Found", 403)]
    [InlineData("500 Internal Server Error", 503)]
    public async Task A_call_out_decides(string says, int status)
    {
        await using var gate = new Backend((_, s) => Backend.ReplyAsync(s, "", says, "X-User: ann\r\n"));
        Serve(
            Use(
                "call-out",
                $$"""{ "url": "{{gate.Url}}/check", "timeoutMs": 60000, "sendHeaders": ["X-Token"], "takeHeaders": ["X-User"] }"""
            )
        );

        using var answer = await GetAsync(("X-Token", "t"), ("X-User", "root"));

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("t", gate.Only.Header("X-Token"));
        Assert.Equal("GET", gate.Only.Header("X-Original-Method"));
        if (status == 200)
        {
            Assert.Equal("ann", _backend.Only.Header("X-User"));
        }
        else
        {
            Assert.Empty(_backend.Requests);
        }
    }

    [Fact]
    public async Task A_call_out_that_does_not_answer_in_time_closes_unless_told_otherwise()
    {
        await using var gate = new Backend((_, _) => Task.Delay(Timeout.Infinite, Cancel));
        Serve(Use("call-out", $$"""{ "url": "{{gate.Url}}", "timeoutMs": 50 }"""));
        using var closed = await GetAsync();
        Serve(Use("call-out", $$"""{ "url": "{{gate.Url}}", "timeoutMs": 50, "passOnFailure": true }"""));
        using var open = await GetAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, closed.StatusCode);
        Assert.Equal(HttpStatusCode.OK, open.StatusCode);
    }

    [Theory]
    [InlineData("nothing", "{}", "/policies/0/name")]
    [InlineData("headers", """{ "request": { "set": { "Host": "x" } } }""", "/policies/0/settings/request/set/Host")]
    [InlineData("headers", """{ "request": { "set": { "X-A": "a\r\nb" } } }""", "/policies/0/settings/request/set/X-A")]
    [InlineData("cors", """{ "allowCredentials": true }""", "/policies/0/settings/allowOrigins/0")]
    [InlineData("cors", """{ "allowOrigins": ["https://a.example/"] }""", "/policies/0/settings/allowOrigins/0")]
    [InlineData("cache", """{ "seconds": 1 }""", "/policies/0/settings/seconds")]
    [InlineData("cache", """{ "defaultSeconds": "soon" }""", "/policies/0/settings/defaultSeconds")]
    [InlineData("regex-limits", """{ "patterns": ["(a)\\1"] }""", "/policies/0/settings/patterns/0")]
    [InlineData("mirror", "{}", "/policies/0/settings/url")]
    public void Settings_that_are_wrong_are_refused_with_their_place(string name, string settings, string pointer)
    {
        var refusal = Assert.Single(_gateway.Apply(Api([Use(name, settings)]).Put()));

        Assert.Equal(pointer, refusal.Field);
    }

    [Fact]
    public void Every_example_of_the_reference_is_taken()
    {
        foreach (var kind in PolicyKinds.All)
        {
            Assert.Empty(PolicyKinds.Check([Use(kind.Name, kind.Example)], "", ofOperation: false));
        }
    }

    private static PolicyUse Use(string name, string settings) =>
        new() { Name = name, Settings = JsonDocument.Parse(settings).RootElement };

    private Api Api(PolicyUse[] policies, params string[] operations) =>
        Entities.Petstore(_backend.Url, operations) with
        {
            Policies = [.. policies],
        };

    private void Serve(params PolicyUse[] policies) => _gateway.Run(Api(policies).Put());

    private Task<HttpResponseMessage> GetAsync(params (string, string)[] headers) =>
        _gateway.SendAsync(HttpMethod.Get, "/petstore/1.0.0/pets", headers: headers);

    private Task<HttpResponseMessage> PostAsync(string body, string type = "application/json") =>
        _gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/pets", new StringContent(body, Encoding.UTF8, type));

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    private static Task<string> TextAsync(HttpResponseMessage answer) => answer.Content.ReadAsStringAsync(Cancel);
}
