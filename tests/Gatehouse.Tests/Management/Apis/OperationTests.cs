using System.Net;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management.Apis;

/// <summary>Who may call an operation, and how often, is changed in the OpenAPI document and nowhere else.</summary>
public sealed class OperationTests
{
    private const string Pets = """
        openapi: 3.1.0
        info: { title: Petstore, version: 1.0.0 }   # mine
        servers: [{ url: 'http://pets.internal:8080' }]
        paths:
          /pets:
            get: { summary: All of them, responses: { '200': { description: ok } } }
            post:
              # Only who may.
              security:
                - shop: [write]
                - key: []
              responses: { '201': { description: ok } }
          /health:
            get: { security: [], responses: { '200': { description: ok } } }
          /shared: { $ref: '#/components/pathItems/shared' }
        components:
          pathItems:
            shared:
              get: { responses: { '200': { description: ok } } }
          securitySchemes:
            key: { type: apiKey, in: header, name: apikey }
            shop:
              type: oauth2
              flows:
                clientCredentials:
                  tokenUrl: /oauth2/token
                  scopes:
                    read: See pets # all of them
                    write: Change pets
                  x-scopes-bindings: { write: 'admin,publisher' }

        """;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_is_written_into_the_document_and_nothing_beside_it()
    {
        await using var manager = await StartAsync();

        var changed = await manager.AskAsync<OperationView[]>(
            HttpMethod.Patch,
            "apis/petstore/operations",
            """
            [{"method":"get","path":"/pets","scopes":["write","read"],"auth":"application-user"},
             {"method":"POST","path":"/pets","scopes":[]},
             {"method":"GET","path":"/health","auth":"any","policy":"10KPerMin"}]
            """
        );

        Assert.Equal(
            ["GET /health Any  10KPerMin ", "GET /pets ApplicationUser read,write  All of them", "POST /pets Any   "],
            changed.Select(Line)
        );
        Assert.Equal(
            Pets.Replace(
                    "get: { summary: All of them, responses",
                    "get: { summary: All of them, x-auth-type: Application User, security: [{ shop: [read] }, { shop: [write] }], responses",
                    StringComparison.Ordinal
                )
                .Replace(
                    "security:\n        - shop: [write]\n        - key: []",
                    "security: [{ shop: [] }, { key: [] }]",
                    StringComparison.Ordinal
                )
                .Replace(
                    "get: { security: [], responses",
                    "get: { x-throttling-tier: \"10KPerMin\", responses",
                    StringComparison.Ordinal
                ),
            await DocumentAsync(manager)
        );

        var open = await manager.AskAsync<OperationView[]>(
            HttpMethod.Patch,
            "apis/petstore/operations",
            """[{"method":"GET","path":"/pets","auth":"none"},{"method":"GET","path":"/health","policy":"Unlimited"}]"""
        );

        Assert.Equal(["GET /health Any   ", "GET /pets None   All of them"], open.Select(Line));
        Assert.Contains(
            "get: { summary: All of them, security: [], responses",
            await DocumentAsync(manager),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task What_is_wrong_is_told_with_a_pointer_and_then_nothing_is_written()
    {
        await using var manager = await StartAsync();
        var before = await DocumentAsync(manager);

        var refused = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Patch,
            "apis/petstore/operations",
            """
            [{"method":"GET","path":"/pets","scopes":["read"]},
             {"method":"PUT","path":"/pets","auth":"any"},
             {"method":"GET","path":"/health","scopes":["read","admin"],"policy":"Bronze"},
             {"method":"POST","path":"/pets","auth":"none","scopes":["read"]}]
            """
        );
        var shared = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Patch,
            "apis/petstore/operations",
            """[{"method":"GET","path":"/shared","auth":"none"}]"""
        );
        var stale = await manager.RefusedAsync(
            HttpStatusCode.PreconditionFailed,
            HttpMethod.Patch,
            "apis/petstore/operations",
            """[{"method":"GET","path":"/pets","auth":"none"}]""",
            ifMatch: "\"99999\""
        );
        var forbidden = await manager.RefusedAsync(
            HttpStatusCode.Forbidden,
            HttpMethod.Patch,
            "apis/petstore/operations",
            "[]",
            token: await manager.TokenAsync("sue", Roles.Subscriber)
        );

        Assert.Equal(
            ["/1/path", "/2/scopes/1", "/2/policy", "/3/scopes"],
            refused.Errors!.Value.Select(e => e.Pointer)
        );
        Assert.Equal("/paths/~1shared/get", Assert.Single(shared.Errors!.Value).Pointer);
        Assert.Contains("epoch", stale.Title + stale.Detail, StringComparison.Ordinal);
        Assert.NotNull(forbidden.Title);
        Assert.Equal(before, await DocumentAsync(manager));
    }

    [Fact]
    public async Task Scopes_are_declared_bound_to_roles_and_kept_while_an_operation_asks_for_them()
    {
        await using var manager = await StartAsync();

        var made = await manager.AskAsync<ApiScopeView>(
            HttpMethod.Put,
            "apis/petstore/scopes/pets:feed",
            """{"description":"Feed pets","roles":["subscriber"]}"""
        );
        var kept = await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Delete, "apis/petstore/scopes/write");
        var unknown = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "apis/petstore/scopes/gatehouse:read",
            """{"roles":["nobody"]}"""
        );
        using (var deleted = await manager.SendAsync(HttpMethod.Delete, "apis/petstore/scopes/read"))
        {
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        }

        Assert.Equal(("Feed pets", "subscriber"), (made.Description, Assert.Single(made.Roles)));
        Assert.Contains("POST /pets", kept.Title, StringComparison.Ordinal);
        Assert.Equal(["/name", "/roles/0"], unknown.Errors!.Value.Select(e => e.Pointer));
        Assert.Equal(
            Pets.Replace("            read: See pets # all of them\n", "", StringComparison.Ordinal)
                .Replace(
                    "            write: Change pets\n",
                    "            \"pets:feed\": Feed pets\n            write: Change pets\n",
                    StringComparison.Ordinal
                )
                .Replace(
                    "{ write: 'admin,publisher' }",
                    "{ \"pets:feed\": subscriber, write: 'admin,publisher' }",
                    StringComparison.Ordinal
                ),
            await DocumentAsync(manager)
        );
        var seen = await manager.AskAsync<Page<ApiScopeView>>(HttpMethod.Get, "apis/petstore/scopes");
        Assert.Equal(
            ["pets:feed: ", "write: POST /pets"],
            seen.Items.Select(s => $"{s.Name}: {string.Join(", ", s.Operations)}")
        );
    }

    [Fact]
    public async Task A_document_without_schemes_gets_one_with_its_first_scope()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis",
            """
            {"swagger":"2.0","info":{"title":"Old","version":"1"},"host":"old.internal","schemes":["http"],
             "paths":{"/a":{"get":{"responses":{"200":{"description":"ok"}}}}}}
            """,
            HttpStatusCode.Created
        );

        foreach (var (api, operation) in new[] { ("petstore", "GET /pets"), ("old", "GET /a") })
        {
            var set = await manager.RunAsync("api", "scopes", "set", api, "read", "--role", "publisher");
            Assert.True(set.Code == ExitCode.Done, set.Error);
            var asked = await manager.RunAsync("api", "operations", "set", api, operation, "--scope", "read");
            Assert.True(asked.Code == ExitCode.Done, asked.Error);
            var scopes = await manager.RunAsync("api", "scopes", "list", api, "-o", "json");
            Assert.Contains(operation, scopes.Out, StringComparison.Ordinal);
            Assert.Contains("publisher", scopes.Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_gateway_lets_in_whom_the_changed_operations_say_once_they_are_deployed()
    {
        await using var gateway = await ManagedGateway.StartAsync();
        await gateway.ImportAsync();
        await gateway.Manager.RunAsync("deploy", "petstore");
        var key = await gateway.CallerAsync("shop");
        Assert.Equal(401, (await gateway.CallAsync("/petstore/1.0.0/pets")).Status);
        Assert.Equal(200, (await gateway.CallAsync("/petstore/1.0.0/health")).Status);
        await gateway.Manager.RunAsync("limit", "create", "api", "Twice", "--rate", "2/day");

        var set = await gateway.Manager.RunAsync(
            "api",
            "operations",
            "set",
            "petstore",
            "GET /health",
            "--auth",
            "any"
        );
        var all = await gateway.Manager.RunAsync(
            "api",
            "operations",
            "set",
            "petstore",
            "GET /pets",
            "--auth",
            "none",
            "--limit",
            "Twice"
        );

        Assert.True(set.Code == ExitCode.Done && all.Code == ExitCode.Done, set.Error + all.Error);
        Assert.Equal(200, (await gateway.CallAsync("/petstore/1.0.0/health")).Status);
        await gateway.Manager.RunAsync("deploy", "petstore");
        Assert.Equal(401, (await gateway.CallAsync("/petstore/1.0.0/health")).Status);
        Assert.Equal(200, (await gateway.CallAsync("/petstore/1.0.0/health", key)).Status);
        Assert.Equal(200, (await gateway.CallAsync("/petstore/1.0.0/pets")).Status);
        Assert.Equal(200, (await gateway.CallAsync("/petstore/1.0.0/pets")).Status);
        Assert.Equal(429, (await gateway.CallAsync("/petstore/1.0.0/pets")).Status);
    }

    [Fact]
    public async Task Policies_set_beside_the_document_an_export_and_the_revisions_difference_agree_with_a_change()
    {
        await using var manager = await StartAsync();
        var policies = manager.Write(
            "p.json",
            """[{ "name": "headers", "settings": { "answer": { "remove": ["X-Powered-By"] } } }]"""
        );
        await manager.RunAsync("api", "policies", "petstore", "--set", policies, "--operation", "GET /pets");
        await manager.RunAsync("deploy", "petstore");

        var set = await manager.RunAsync(
            "api",
            "operations",
            "set",
            "petstore",
            "GET /pets",
            "POST /pets",
            "--scope",
            "read",
            "--limit",
            "10KPerMin"
        );
        Assert.True(set.Code == ExitCode.Done, set.Error);
        await manager.RunAsync("deploy", "petstore");

        var directory = Directory.CreateTempSubdirectory("operations-");
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("export", "-f", directory.FullName)).Code);
        var nothing = await manager.RunAsync("apply", "-f", directory.FullName, "--prune");
        Assert.Equal((ExitCode.Done, "Nothing to change\n"), (nothing.Code, nothing.Error));
        directory.Delete(recursive: true);
        var diff = await manager.RunAsync("revision", "diff", "petstore", "1", "2");
        Assert.Contains("operation GET /pets", diff.Out, StringComparison.Ordinal);
        Assert.Contains("a scope of read; limit 10KPerMin", diff.Out, StringComparison.Ordinal);
        var definition = (await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore")).Definition;
        Assert.Equal(
            "headers",
            Assert.Single(definition.Operations.Single(o => o is { Path: "/pets", Method: "GET" }).Policies).Name
        );
        var audit = await manager.RunAsync("audit", "list", "-o", "json");
        Assert.Contains("changed operations of API petstore:1.0.0", audit.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_line_lists_and_sets_operations_and_says_what_is_missing()
    {
        await using var manager = await StartAsync();

        var list = await manager.RunAsync("api", "operations", "list", "petstore");
        var all = await manager.RunAsync("api", "operations", "set", "petstore", "--all", "--limit", "none");
        var none = await manager.RunAsync("api", "operations", "set", "petstore", "--auth", "none");
        var nothing = await manager.RunAsync("api", "operations", "set", "petstore", "GET /pets");
        var unknown = await manager.RunAsync("api", "operations", "set", "petstore", "GET /dogs", "--auth", "none");

        Assert.Equal(
            """
            METHOD   PATH      AUTH   SCOPES   LIMIT   SUMMARY
            GET      /health   none
            GET      /pets     any                     All of them
            POST     /pets     any    write
            GET      /shared   any

            """,
            string.Join('\n', list.Out.Split('\n').Select(l => l.TrimEnd()))
        );
        Assert.Contains("4 operations of petstore changed", all.Error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Usage, ExitCode.Usage), (none.Code, nothing.Code));
        Assert.Contains("gatehouse api operations list", unknown.Error, StringComparison.Ordinal);
    }

    private static async Task<LiveManager> StartAsync()
    {
        var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Pets, HttpStatusCode.Created);
        var made = await manager.RunAsync("limit", "create", "api", "10KPerMin", "--rate", "10000/min");
        Assert.True(made.Code == ExitCode.Done || made.Error.Contains("exists", StringComparison.Ordinal), made.Error);
        return manager;
    }

    private static async Task<string> DocumentAsync(LiveManager manager)
    {
        using var response = await manager.SendAsync(HttpMethod.Get, "apis/petstore/openapi");
        return await response.Content.ReadAsStringAsync(Stop);
    }

    private static string Line(OperationView o) =>
        $"{o.Method} {o.Path} {o.Auth} {string.Join(',', o.Scopes)} {o.Policy} {o.Summary}";
}
