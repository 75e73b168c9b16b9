using System.Collections.Immutable;
using System.Text;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management.OpenApi;

public sealed class OpenApiReaderTests
{
    private const string Version31 = """
        openapi: 3.1.0
        info:
          title: Petstore
          version: 1.0.0
        servers:
          - url: https://{region}.pets.example/v1
            variables:
              region: { default: eu }
        paths:
          /pets/{id}:
            parameters:
              - { name: id, in: path, required: true, schema: { type: string } }
            get:
              responses: { '200': { description: ok } }
            delete:
              responses: { '204': { description: gone } }
          /health:
            get:
              security: []
              responses: { '200': { description: ok } }
        components:
          schemas:
            Pet:
              type: object
              properties:
                parent: { $ref: '#/components/schemas/Pet' }
                default: { $ref: '#/components/schemas/Name' }
                $ref: { type: string }
              example: { $ref: 'file:///etc/passwd' }
            Name: { type: [string, 'null'] }
        """;

    [Fact]
    public void A_3_1_document_in_YAML_gives_its_operations_and_server()
    {
        var document = Read(Version31);

        Assert.Equal("3.1.0", document.SpecVersion);
        Assert.Equal("Petstore", document.Title);
        Assert.Equal("1.0.0", document.Version);
        Assert.Equal("application/yaml", document.MediaType);
        Assert.Equal(["https://eu.pets.example/v1"], document.Servers);
        Assert.Equal(
            ["GET /health open", "DELETE /pets/{id}", "GET /pets/{id}"],
            document.Operations.Select(o => $"{o.Method} {o.Path}{(o.Open ? " open" : "")}")
        );
        Assert.Empty(document.Warnings);
    }

    [Fact]
    public void A_3_0_document_in_JSON_may_put_path_items_and_parameters_behind_references()
    {
        var document = Read(
            """
            {
              "openapi": "3.0.3",
              "info": { "title": "T", "version": "2" },
              "servers": [ { "url": "/relative" }, { "url": "http://backend:8080" } ],
              "paths": {
                "/a/{x}": { "get": { "parameters": [ { "$ref": "#/components/parameters/x" } ], "responses": {} } },
                "/b/{x}": { "$ref": "#/paths/~1a~1{x}" },
                "/files/*": { "put": { "responses": {} } }
              },
              "components": { "parameters": { "x": { "name": "x", "in": "path", "required": true } } }
            }
            """
        );

        Assert.Equal(
            ["GET /a/{x}", "GET /b/{x}", "PUT /files/*"],
            document.Operations.Select(o => $"{o.Method} {o.Path}")
        );
        Assert.Equal(["http://backend:8080"], document.Servers);
        Assert.Empty(document.Warnings);
    }

    [Fact]
    public void A_Swagger_2_0_document_names_its_endpoint_by_host_and_base_path()
    {
        var document = Read(
            """
            swagger: 2.0
            info: { title: Old, version: 1.0 }
            host: old.example
            basePath: /api
            schemes: [http]
            paths:
              /items:
                get: { responses: { 200: { description: ok } } }
            """
        );

        Assert.Equal("2.0", document.SpecVersion);
        Assert.Equal("1.0", document.Version);
        Assert.Equal(["http://old.example/api"], document.Servers);
        Assert.Equal("GET /items", Assert.Single(document.Operations.Select(o => $"{o.Method} {o.Path}")));
    }

    [Fact]
    public void Anchors_aliases_and_merge_keys_mean_what_they_stand_for()
    {
        var document = Read(
            """
            openapi: 3.0.0
            info: { title: T, version: '1' }
            paths:
              /a: &item
                get: &get { responses: { '200': { description: ok } } }
              /b: *item
              /c:
                <<: *item
                post: *get
            """
        );

        Assert.Equal(
            ["GET /a", "GET /b", "GET /c", "POST /c"],
            document.Operations.Select(o => $"{o.Method} {o.Path}")
        );
    }

    // Each case: what is wrong | pointer | line:column | the document.
    public static TheoryData<string, string, string, string> Bad =>
        new()
        {
            { "is empty", "", "1:1", "  \n" },
            { "trailing comma at the end", "", "3:1", "{\n  \"openapi\": \"3.1.0\",\n}" },
            { "not well formed", "", "2:7", "openapi: 3.1.0\ninfo: [a\npaths: {}" },
            { "occurs twice", "", "3:3", "{\n  \"openapi\": \"3.1.0\",\n  \"openapi\": \"3.0.0\"\n}" },
            { "occurs twice", "", "3:1", "openapi: 3.1.0\npaths: {}\npaths: {}" },
            { "second document", "", "2:1", "openapi: 3.1.0\n---\nopenapi: 3.1.0" },
            { "neither 'openapi' nor 'swagger'", "", "1:1", "info: {}" },
            { "is not one", "", "1:1", "[1]" },
            { "is not one", "", "1:1", "hello" },
            { "cannot be read", "/openapi", "1:10", "openapi: 4.0.0" },
            { "stands inside its own anchor", "", "2:8", "a: &a\n  - b: *a" },
            { "'info' is missing", "/info", "1:1", "openapi: 3.1.0\npaths:\n  /a: { get: {} }" },
            { "'paths' is missing", "/paths", "1:1", "openapi: 3.1.0\ninfo: { title: a, version: b }" },
            {
                "'title' is missing",
                "/info/title",
                "2:7",
                "openapi: 3.1.0\ninfo: { version: b }\npaths: { /a: { get: {} } }"
            },
            {
                "'version' is missing",
                "/info/version",
                "2:7",
                "openapi: 3.1.0\ninfo: { title: b }\npaths: { /a: { get: {} } }"
            },
            {
                "'title' is empty",
                "/info/title",
                "2:16",
                "openapi: 3.1.0\ninfo: { title: '  ', version: b }\npaths: { /a: { get: {} } }"
            },
            { "must be the info object", "/info", "2:7", "openapi: 3.1.0\ninfo: x\npaths: { /a: { get: {} } }" },
            { "There is no operation", "/paths", "3:8", Document("{}") },
            { "There is no operation", "/paths", "3:8", Document("{ /a: { summary: none } }") },
            { "must be an operation", "/paths/~1a/get", "3:21", Document("{ /a: { get: [] } }") },
            { "must be a list", "/paths/~1a/get/tags", "3:29", Document("{ /a: { get: { tags: x } } }") },
            { "begins with '/'", "/paths/a", "3:10", Document("{ a: { get: {} } }") },
            { "do not pair", "/paths/~1a~1{id", "3:10", Document("{ '/a/{id': { get: {} } }") },
            { "do not pair", "/paths/~1a~1{}", "3:10", Document("{ '/a/{}': { get: {} } }") },
            { "touch", "/paths/~1{a}{b}", "3:10", Document("{ '/{a}{b}': { get: {} } }") },
            { "occurs twice in one path", "/paths/~1{a}~1{a}", "3:10", Document("{ '/{a}/{a}': { get: {} } }") },
            { "'?' and '#'", "/paths/~1a?b=c", "3:10", Document("{ '/a?b=c': { get: {} } }") },
            { "empty segment", "/paths/~1a~1~1b", "3:10", Document("{ '/a//b': { get: {} } }") },
            { "'..'", "/paths/~1a~1..~1b", "3:10", Document("{ '/a/../b': { get: {} } }") },
            { "percent-encoded", "/paths/~1a%2Fb", "3:10", Document("{ '/a%2Fb': { get: {} } }") },
            { "may not stand in a path", "/paths/~1ü", "3:10", Document("{ '/ü': { get: {} } }") },
            {
                "the same calls as '/a/{x}' on line 4",
                "/paths/~1a~1{y}",
                "5:3",
                Document("\n  /a/{x}: { get: {} }\n  /a/{y}: { get: {} }")
            },
            {
                "outside of the document",
                "/paths/~1a/get/requestBody/$ref",
                "3:44",
                Document("{ /a: { get: { requestBody: { $ref: 'file:///etc/passwd' } } } }")
            },
            {
                "outside of the document",
                "/paths/~1a/$ref",
                "3:22",
                Document("{ /a: { $ref: 'http://169.254.169.254/x' } }")
            },
            {
                "leads to nothing",
                "/paths/~1a/get/parameters/0/$ref",
                "3:44",
                Document("{ /a: { get: { parameters: [{ $ref: '#/nowhere' }] } } }")
            },
            {
                "back to itself",
                "/components/schemas/A/$ref",
                "4:37",
                Document(
                    "{ /a: { get: {} } }\ncomponents: { schemas: { A: { $ref: '#/components/schemas/B' }, B: { $ref: '#/components/schemas/A' } } }"
                )
            },
            { "deeper than 100", "", "1:101", new string('[', 200) },
            { "deeper than 100", "", "1:103", "a: " + new string('[', 200) },
            { "half a character", "", "1:6", """{"a":"\ud800"}""" },
        };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_document_is_refused_with_pointer_and_place(
        string message,
        string pointer,
        string place,
        string text
    )
    {
        var problems = Refused(text);

        Assert.Contains(
            problems,
            p =>
                p.Message.Contains(message, StringComparison.Ordinal)
                && p.Pointer == pointer
                && $"{p.Line}:{p.Column}" == place
        );
    }

    [Fact]
    public void All_problems_are_told_at_once_and_in_the_order_of_lines()
    {
        var problems = Refused(
            """
            openapi: 3.0.0
            info: { version: 1 }
            paths:
              pets: { get: {} }
              /a/{b: { get: {} }
              /c: { $ref: other.yaml }
            """
        );

        Assert.Equal([2, 4, 5, 6], problems.Select(p => p.Line));
    }

    [Fact]
    public void Thousands_of_problems_become_a_hundred_and_a_number()
    {
        var text = new StringBuilder("openapi: 3.0.0\ninfo: { title: t, version: 1 }\npaths:\n");
        for (var i = 0; i < 5000; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"  p{i}: {{}}\n");
        }

        var problems = Refused(text.ToString());

        Assert.Equal(101, problems.Length);
        Assert.Equal("There are 4900 more problems", problems[^1].Message);
    }

    [Fact]
    public void Text_from_a_document_reaches_no_terminal_as_control_characters()
    {
        var problem = Assert.Single(Refused(Document("{ \"a\\e[2J\\u202e\": { get: {} } }")));

        Assert.DoesNotContain('\u001b', problem.ToString());
        Assert.DoesNotContain('\u202e', problem.ToString());
    }

    [Fact]
    public void Text_that_is_not_UTF_8_is_refused_with_its_line()
    {
        var problem = Assert.Single(Refused([.. "openapi: 3.1.0\ninfo: "u8, 0xff]));

        Assert.Equal(("The document is not UTF-8", 2), (problem.Message, problem.Line));
    }

    [Fact]
    public void A_byte_order_mark_is_no_problem()
    {
        Assert.Equal(
            "Petstore",
            OpenApiReader.Read((byte[])[0xef, 0xbb, 0xbf, .. Encoding.UTF8.GetBytes(Version31)]).Title
        );
    }

    [Fact]
    public void Warnings_do_not_stop_an_import()
    {
        var document = Read(
            Document(
                """

                  /a/{x}:
                    get: { operationId: same, responses: { '200': {} } }
                    put: { operationId: same }
                """
            )
        );

        Assert.Equal(2, document.Operations.Length);
        Assert.Equal(
            ["'description' is missing in a response", "'responses' is missing in an operation"],
            document.Warnings.Where(w => w.Message.Contains("missing", StringComparison.Ordinal)).Select(w => w.Message)
        );
        Assert.Contains(document.Warnings, w => w.Message == "The operationId 'same' is taken on line 5");
        Assert.Contains(document.Warnings, w => w.Message == "The path parameter 'x' is not declared");
    }

    private static string Document(string paths) =>
        $"openapi: 3.1.0\ninfo: {{ title: T, version: '1' }}\npaths: {paths}";

    private static OpenApiDocument Read(string text) => OpenApiReader.Read(Encoding.UTF8.GetBytes(text));

    private static ImmutableArray<Problem> Refused(string text) => Refused(Encoding.UTF8.GetBytes(text));

    private static ImmutableArray<Problem> Refused(byte[] text) =>
        Assert.Throws<ProblemsException>(() => OpenApiReader.Read(text)).Problems;
}
