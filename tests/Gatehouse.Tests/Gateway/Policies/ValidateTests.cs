using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Tests.Gateway.Policies;

/// <summary>Requests and answers against an OpenAPI document, from the document to the wire.</summary>
public sealed class ValidateTests : IAsyncLifetime
{
    private const string Paths = """
        paths:
          /pets/{id}:
            parameters:
              - { name: id, in: path, required: true, schema: { type: integer, minimum: 1 } }
            get:
              parameters:
                - { name: limit, in: query, schema: { type: integer, maximum: 100 } }
                - { name: tag, in: query, explode: false, schema: { type: array, items: { type: string, enum: [cat, dog] } } }
                - { name: each, in: query, schema: { type: array, items: { type: integer }, maxItems: 2 } }
                - { name: where, in: query, style: deepObject, schema: { type: object, properties: { age: { type: integer } } } }
                - { name: filter, in: query, content: { application/json: { schema: { type: object, required: [a] } } } }
                - { name: X-Day, in: header, required: false, schema: { type: string, format: date } }
                - { name: session, in: cookie, schema: { type: string, pattern: '^[a-z]+$' } }
              responses:
                '200': { description: ok, content: { application/json: { schema: { $ref: '#/components/schemas/Pet' } } } }
                '404': { description: none }
          /pets:
            post:
              requestBody:
                required: true
                content:
                  application/json: { schema: { $ref: '#/components/schemas/Pet' } }
                  application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/Pet' } }
              responses: { '201': { description: ok } }
          /photos:
            put:
              requestBody: { content: { 'image/*': {} } }
              responses: { default: { description: any } }
        components:
          schemas:
            Pet:
              type: object
              required: [name, id]
              additionalProperties: false
              properties:
                id: { type: integer, readOnly: true }
                name: { type: string, minLength: 2, maxLength: 10 }
                age: { type: integer, nullable: true, description: 'x' }
                friends: { type: array, items: { $ref: '#/components/schemas/Pet' } }
        """;

    private readonly Backend _backend = new();
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync() => _gateway = await TestGateway.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Theory]
    [InlineData("/pets/7", "")]
    [InlineData("/pets/7?limit=100&tag=cat,dog&each=1&each=2&where[age]=3&other=1", "")]
    [InlineData("/pets/7?filter=%7B%22a%22%3A1%7D", "")]
    [InlineData("/pets/cat", "path id is not an integer")]
    [InlineData("/pets/0", "path id is less than the minimum")]
    [InlineData("/pets/7?limit=101", "query limit is more than the maximum")]
    [InlineData("/pets/7?limit=0x10", "query limit is not an integer")]
    [InlineData("/pets/7?limit=1&limit=2", "query limit is there more than once")]
    [InlineData("/pets/7?tag=cat,cow", "query tag /1 is not one of the values allowed")]
    [InlineData("/pets/7?each=1&each=2&each=3", "query each has more than 2 items")]
    [InlineData("/pets/7?where[age]=old", "query where /age is not an integer")]
    [InlineData("/pets/7?filter=%7B%7D", "query filter has no member 'a'")]
    [InlineData("/pets/7?filter=cat", "query filter is not JSON")]
    public async Task Parameters_of_path_and_query_are_checked(string path, string problem)
    {
        Serve();

        using var answer = await _gateway.GetAsync($"/petstore/1.0.0{path}");

        await SaysAsync(answer, problem);
        Assert.Equal(problem.Length == 0 ? 1 : 0, _backend.Requests.Count);
    }

    [Theory]
    [InlineData("X-Day", "2026-02-28", "")]
    [InlineData("X-Day", "2026-02-30", "header X-Day is not of format date")]
    [InlineData("Cookie", "a=1; session=abc", "")]
    [InlineData("Cookie", "session=ABC", "cookie session does not match the pattern")]
    public async Task Parameters_of_headers_and_cookies_are_checked(string name, string value, string problem)
    {
        Serve();

        using var answer = await _gateway.SendAsync(HttpMethod.Get, "/petstore/1.0.0/pets/7", headers: [(name, value)]);

        await SaysAsync(answer, problem);
    }

    [Theory]
    [InlineData("""{"name":"Rex"}""", "")]
    [InlineData("""{"name":"Rex","age":null,"friends":[{"name":"Kit"}]}""", "")]
    [InlineData("""{"name":"R"}""", "body /name is shorter than 2")]
    [InlineData("""{"name":7}""", "body /name is not a string")]
    [InlineData("""{}""", "body has no member 'name'")]
    [InlineData("""{"name":"Rex","friends":[{"name":"Kit"},{"name":""}]}""", "body /friends/1/name is shorter than 2")]
    [InlineData("""{"name":"Rex","a/b":1}""", "body /a~1b is not allowed")]
    [InlineData("""{"name":"Rex","name":"Admin"}""", "body is not JSON, names a member twice")]
    [InlineData("""{"name":""", "body is not JSON")]
    [InlineData("""{"name":"R\ud800x"}""", "body")]
    [InlineData("""{"na\udc00me":"Rex"}""", "body")]
    [InlineData("""{"name":"Rex","\ud83d":1}""", "body")]
    [InlineData("", "body is missing")]
    public async Task A_JSON_body_is_checked_and_a_problem_told_with_its_pointer(string body, string problem)
    {
        Serve();

        using var answer = await PostAsync(body, "application/json; charset=utf-8");

        await SaysAsync(answer, problem);
        if (problem.Length == 0)
        {
            Assert.Equal(body, Encoding.UTF8.GetString(_backend.Only.Body));
        }
    }

    [Fact]
    public async Task All_problems_are_told_for_programs_and_nothing_of_the_values()
    {
        Serve();

        using var answer = await PostAsync("""{"name":"s","age":"secret-age","x":"secret-x"}""", "application/json");

        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        using var problem = JsonDocument.Parse(text);
        Assert.Equal(
            ["/name", "/age", "/x"],
            problem.RootElement.GetProperty("errors").EnumerateArray().Select(e => e.GetProperty("pointer").GetString())
        );
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text/plain", "application/xml")]
    [InlineData("text/xml", "*/*")]
    [InlineData("application/soap+xml", "*/*")]
    public async Task A_problem_that_quotes_what_no_XML_can_hold_is_XML_all_the_same(string type, string accept)
    {
        Serve("""{ "refuseUnknownQuery": true }""");
        using var content = new StringContent("", Encoding.UTF8, type);

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets/7?a%01b%08%EF%BF%BEc]]%3E=1",
            content,
            headers: [("Accept", accept), ("SOAPAction", "\"urn:get\"")]
        );

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("xml", answer.Content.Headers.ContentType!.MediaType, StringComparison.Ordinal);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("a\uFFFDb\uFFFD\uFFFDc]]>", XDocument.Parse(text).Root!.Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name=Rex&age=3", "application/x-www-form-urlencoded", "")]
    [InlineData("name=R&age=3", "application/x-www-form-urlencoded", "body /name is shorter than 2")]
    [InlineData("<pet/>", "application/xml", "415")]
    public async Task Forms_are_checked_and_media_types_that_are_not_described_are_refused(
        string body,
        string type,
        string problem
    )
    {
        Serve();

        using var answer = await PostAsync(body, type);

        if (problem == "415")
        {
            Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
            return;
        }

        await SaysAsync(answer, problem);
    }

    [Fact]
    public async Task A_body_that_is_no_JSON_passes_by_its_media_type_alone()
    {
        Serve();
        using var picture = new ByteArrayContent([1, 2, 3]);
        picture.Headers.ContentType = new("image/png");

        using var answer = await _gateway.SendAsync(HttpMethod.Put, "/petstore/1.0.0/photos", picture);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal([1, 2, 3], _backend.Only.Body);
    }

    [Theory]
    [InlineData("refuse", """{"id":1,"name":"Rex"}""", 200)]
    [InlineData("refuse", """{"name":"Rex"}""", 502)]
    [InlineData("refuse", "not json", 502)]
    [InlineData("log", """{"name":"Rex"}""", 200)]
    [InlineData("off", """{"name":"Rex"}""", 200)]
    public async Task Answers_are_refused_or_only_counted_as_the_setting_says(string setting, string body, int status)
    {
        Serve($$"""{ "answer": "{{setting}}" }""");
        _backend.OnRequest = (_, stream) =>
            Backend.ReplyAsync(stream, body, headers: "Content-Type: application/json\r\n");

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets/7");

        Assert.Equal(status, (int)answer.StatusCode);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(status == 200, text == body);
        Assert.Equal(
            setting != "off" && !body.Contains("id", StringComparison.Ordinal),
            Metrics().Contains("gatehouse_validation_failed_total{side=\"answer\"} 1", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_request_that_does_not_fit_passes_and_is_counted_when_only_logging()
    {
        Serve("""{ "request": "log" }""");

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets/cat");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("gatehouse_validation_failed_total{side=\"request\"} 1", Metrics(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_query_parameters_are_refused_where_the_setting_says_so()
    {
        Serve("""{ "refuseUnknownQuery": true }""");

        using var known = await _gateway.GetAsync("/petstore/1.0.0/pets/7?limit=1&where[age]=2");
        using var unknown = await _gateway.GetAsync("/petstore/1.0.0/pets/7?limit=1&debug=1");

        Assert.Equal(HttpStatusCode.OK, known.StatusCode);
        await SaysAsync(unknown, "query debug is not described");
    }

    [Fact]
    public async Task Rules_of_3_1_are_those_of_2020_12()
    {
        Serve(
            paths: """
            paths:
              /pets:
                post:
                  requestBody:
                    content:
                      application/json:
                        schema:
                          type: [object, 'null']
                          unevaluatedProperties: false
                          properties: { kind: { const: cat }, weight: { exclusiveMinimum: 0 } }
                          if: { required: [weight] }
                          then: { required: [unit], properties: { unit: { enum: [kg] } } }
                  responses: { '201': { description: ok } }
            """,
            version: "3.1.0"
        );

        foreach (
            var (body, problem) in new[]
            {
                ("""{"kind":"cat","weight":1,"unit":"kg"}""", ""),
                ("null", ""),
                ("""{"kind":"dog"}""", "body /kind is not the one value allowed"),
                ("""{"weight":0,"unit":"kg"}""", "body /weight is not above the minimum"),
                ("""{"weight":1}""", "body has no member 'unit'"),
                ("""{"unit":"kg"}""", "body /unit is not allowed"),
            }
        )
        {
            using var answer = await PostAsync(body, "application/json");
            await SaysAsync(answer, problem);
        }
    }

    [Fact]
    public async Task Rules_of_2_0_are_read_from_its_own_words()
    {
        var text = """
            swagger: '2.0'
            info: { title: Petstore, version: 1.0.0 }
            host: pets.internal
            schemes: [http]
            paths:
              /pets:
                get:
                  parameters:
                    - { name: ids, in: query, type: array, collectionFormat: pipes, items: { type: integer } }
                  responses: { '200': { description: ok } }
                post:
                  consumes: [application/json]
                  parameters:
                    - { name: pet, in: body, required: true, schema: { $ref: '#/definitions/Pet' } }
                  responses: { '201': { description: ok } }
            definitions:
              Pet: { type: object, required: [name], properties: { name: { type: string, x-nullable: true } } }
            """;
        Serve(document: text);

        using var good = await _gateway.GetAsync("/petstore/1.0.0/pets?ids=1|2");
        using var bad = await _gateway.GetAsync("/petstore/1.0.0/pets?ids=1|b");
        using var pet = await PostAsync("""{"name":null}""", "application/json");
        using var noPet = await PostAsync("""[]""", "application/json");

        await SaysAsync(good, "");
        await SaysAsync(bad, "query ids /1 is not an integer");
        await SaysAsync(pet, "");
        await SaysAsync(noPet, "body is not an object");
    }

    [Fact]
    public async Task A_body_made_to_be_costly_is_refused_in_bounded_time()
    {
        Serve(
            paths: """
            paths:
              /pets:
                post:
                  requestBody:
                    content:
                      application/json:
                        schema:
                          type: array
                          uniqueItems: true
                          items: { anyOf: [{ type: string, pattern: '^(a+)+$(?!x)' }, { $ref: '#/components/schemas/Loop' }] }
                  responses: { '201': { description: ok } }
            components:
              schemas:
                Loop: { oneOf: [{ $ref: '#/components/schemas/Loop' }, { $ref: '#/components/schemas/Loop' }] }
            """
        );
        var clock = System.Diagnostics.Stopwatch.StartNew();

        using var backtracking = await PostAsync($"[\"{new string('a', 5000)}b\"]", "application/json");
        using var circle = await PostAsync("[1]", "application/json");

        Assert.Equal(HttpStatusCode.BadRequest, backtracking.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, circle.StatusCode);

        // Unbounded, the first would take longer than anybody lives.
        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void An_API_that_came_without_its_schemas_is_refused_not_served_unchecked()
    {
        var refusal = Assert.Single(
            _gateway.Apply(
                (Entities.Petstore(_backend.Url, "GET /pets") with { Policies = [new() { Name = "validate" }] }).Put()
            )
        );

        Assert.Contains("import it again", refusal.Reason, StringComparison.Ordinal);
    }

    private void Serve(string settings = "{}", string paths = Paths, string version = "3.0.3", string? document = null)
    {
        var text = Encoding.UTF8.GetBytes(
            document ?? $"openapi: {version}\ninfo: {{ title: Petstore, version: 1.0.0 }}\n{paths}"
        );
        var definition = new ImportSettings { Auth = "none", Endpoints = [_backend.Url] }.Apply(
            OpenApiReader.Read(text),
            Digest.Of(text),
            null
        ) with
        {
            Policies = [new() { Name = "validate", Settings = JsonElement.Parse(settings) }],
        };
        _gateway.Run(ContractReader.Attach(definition, text).ToApi(1).Put());
    }

    private async Task<HttpResponseMessage> PostAsync(string body, string type)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return await _gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/pets", content);
    }

    // A watched answer is checked when its caller has it already.
    private string Metrics()
    {
        Assert.True(SpinWait.SpinUntil(() => _gateway.Engine.InFlight == 0, TimeSpan.FromSeconds(60)));
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        _gateway.Engine.WriteMetrics(buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static async Task SaysAsync(HttpResponseMessage answer, string problem)
    {
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(
            (problem.Length == 0 ? HttpStatusCode.OK : HttpStatusCode.BadRequest) == answer.StatusCode,
            $"{answer.StatusCode}: {text}"
        );
        if (problem.Length > 0)
        {
            using var json = JsonDocument.Parse(text);
            Assert.Contains(problem, json.RootElement.GetProperty("description").GetString(), StringComparison.Ordinal);
        }
    }
}
