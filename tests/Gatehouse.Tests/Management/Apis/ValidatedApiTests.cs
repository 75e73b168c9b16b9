using System.Net;
using System.Text;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management.Apis;

/// <summary>What travels to workers of an API that is validated, and what is told at import.</summary>
public sealed class ValidatedApiTests
{
    private const string Pets = """
        openapi: 3.1.0
        info: { title: Petstore, version: 1.0.0 }
        servers: [{ url: 'http://pets.internal:8080' }]
        paths:
          /pets:
            post:
              x-gatehouse-policies: [validate]
              requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/Pet' } } } }
              responses: { '201': { description: ok } }
            get: { responses: { '200': { description: ok } } }
        components:
          schemas:
            Pet: { type: object, description: A pet, properties: { owner: { $ref: '#/components/schemas/Owner' }, kind: { const: null } } }
            Owner: { type: object, example: { name: Ann } }
            Unused: { type: string }

        """;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_validated_operations_travel_with_schemas_and_only_those_that_decide()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Pets, HttpStatusCode.Created);

        await manager.RunAsync("deploy", "petstore");

        var api = await DeployedAsync(manager);
        Assert.Equal(JsonSchemaDialect.Draft202012, api.Contract!.Dialect);
        var schemas = api.Contract.Document.GetProperty("components").GetProperty("schemas");
        Assert.Equal(["Owner", "Pet"], schemas.EnumerateObject().Select(s => s.Name));
        Assert.Equal("""{"type":"object"}""", schemas.GetProperty("Owner").GetRawText());
        Assert.Contains("""{"enum":[null]}""", schemas.GetProperty("Pet").GetRawText(), StringComparison.Ordinal);
        Assert.NotNull(api.Operations.Single(o => o.Method == "POST").Contract);
        Assert.Null(api.Operations.Single(o => o.Method == "GET").Contract);
        var shown = await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore");
        Assert.Null(shown.Definition.Contract);
    }

    [Fact]
    public async Task Validation_is_set_and_taken_away_after_the_import_too()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis",
            Pets.Replace("x-gatehouse-policies: [validate]", "summary: x", StringComparison.Ordinal),
            HttpStatusCode.Created
        );
        var on = manager.Write("on.json", """[{ "name": "validate", "settings": { "answer": "log" } }]""");
        var off = manager.Write("off.json", "[]");

        Assert.Equal(ExitCode.Done, (await manager.RunAsync("api", "policies", "petstore", "--set", on)).Code);
        await manager.RunAsync("deploy", "petstore");
        var validated = await DeployedAsync(manager);
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("api", "policies", "petstore", "--set", off)).Code);
        await manager.RunAsync("deploy", "petstore");
        var plain = await DeployedAsync(manager);

        Assert.All(validated.Operations, o => Assert.NotNull(o.Contract));
        Assert.Null(plain.Contract);
        Assert.All(plain.Operations, o => Assert.Null(o.Contract));
    }

    [Fact]
    public async Task A_schema_that_cannot_be_used_is_told_at_import_with_its_operation()
    {
        await using var manager = await LiveManager.StartAsync();

        var problem = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Post,
            "apis",
            Pets.Replace("const: null", "pattern: '('", StringComparison.Ordinal)
        );

        var only = Assert.Single(problem.Errors!.Value);
        Assert.Equal("/paths/~1pets/post", only.Pointer);
        Assert.Contains("is no regular expression", only.Message, StringComparison.Ordinal);
        Assert.Contains("/components/schemas/Pet/properties/kind", only.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_too_large_with_its_schemas_is_refused_with_the_size_of_each_part()
    {
        await using var manager = await LiveManager.StartAsync();
        var large = new StringBuilder(Pets).Append("    Large:\n      type: object\n      properties:\n");
        for (var i = 0; i < 15_000; i++)
        {
            large
                .Append("        a_property_with_a_long_name_")
                .Append(i)
                .Append(": { type: string, maxLength: 100, pattern: '^[a-z]*$' }\n");
        }

        var text = large
            .ToString()
            .Replace("kind: { const: null }", "kind: { $ref: '#/components/schemas/Large' }", StringComparison.Ordinal);
        var problem = await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, "apis", text);

        var only = Assert.Single(problem.Errors!.Value);
        Assert.Contains("schemas to validate by", only.Message, StringComparison.Ordinal);
        Assert.Contains("1024", only.Message, StringComparison.Ordinal);
    }

    private static async Task<Api> DeployedAsync(LiveManager manager)
    {
        var stored = await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop);
        return stored!.Value;
    }
}
