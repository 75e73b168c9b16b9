using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management.OpenApi;

/// <summary>The document that callers get names the gateway, whatever the one that was imported names.</summary>
public sealed class CallersDocumentTests
{
    private const string Document = """
        openapi: 3.1.0
        info: { title: Petstore, version: 1.0.0 }
        servers: [{ url: 'http://pets.internal:8080' }]
        x-gatehouse-endpoints: { urls: ['http://other.internal'] }
        paths:
          /pets:
            servers: [{ url: 'http://path.internal' }]
            get:
              servers: [{ url: 'http://operation.internal' }]
              x-wso2-production-endpoints: { urls: ['http://old.internal'] }
              x-note: kept
              responses: { '200': { description: ok, content: { application/json: { example: { n: 1.50, t: true, v: null } } } } }

        """;

    private static readonly CallAddress[] s_addresses =
    [
        new("default", "https://api.example.com/petstore/1.0.0"),
        new("staging", "https://staging.example.com:8443/petstore/1.0.0"),
    ];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Servers_of_document_paths_and_operations_give_way_and_what_is_for_the_gateway_goes()
    {
        var text = Encoding.UTF8.GetString(CallersDocument.Of(Encoding.UTF8.GetBytes(Document), [.. s_addresses]));

        Assert.DoesNotContain(".internal", text, StringComparison.Ordinal);
        var document = JsonNode.Parse(text)!;
        Assert.Equal(
            ["https://api.example.com/petstore/1.0.0", "https://staging.example.com:8443/petstore/1.0.0"],
            document["servers"]!.AsArray().Select(s => (string)s!["url"]!)
        );
        Assert.Equal("staging", (string)document["servers"]![1]!["description"]!);
        var operation = document["paths"]!["/pets"]!["get"]!;
        Assert.Equal("kept", (string)operation["x-note"]!);
        Assert.Equal(
            """{"n":1.50,"t":true,"v":null}""",
            operation["responses"]!["200"]!["content"]!["application/json"]!["example"]!.ToJsonString()
        );
        Assert.Equal("3.1.0", (string)document["openapi"]!);
    }

    [Fact]
    public void A_Swagger_document_gets_host_base_path_and_scheme()
    {
        var document = JsonNode.Parse(
            CallersDocument.Of(
                """{"swagger":"2.0","host":"pets.internal","basePath":"/v9","schemes":["http"],"paths":{"/a":{"get":{"schemes":["http"],"responses":{}}}}}"""u8.ToArray(),
                [s_addresses[1]]
            )
        )!;

        Assert.Equal("staging.example.com:8443", (string)document["host"]!);
        Assert.Equal("/petstore/1.0.0", (string)document["basePath"]!);
        Assert.Equal("""["https"]""", document["schemes"]!.ToJsonString());
        Assert.Null(document["paths"]!["/a"]!["get"]!["schemes"]);
    }

    [Fact]
    public async Task A_subscriber_never_learns_where_backends_are_and_a_publisher_may_ask_for_both()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<EnvironmentView>(
            HttpMethod.Post,
            "environments",
            """{"name":"staging","hosts":["staging.example.com"]}""",
            HttpStatusCode.Created
        );
        await manager.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "a door")
                .Put(
                    EntityKinds.Hosts,
                    "default",
                    new PublicHosts { GatewayHttps = "https://am.example.com/gw" },
                    ModelJson.Default.PublicHosts
                )
                .Put(
                    EntityKinds.Node,
                    "lb",
                    TestNodes.Worker("lb") with
                    {
                        Profile = Profile.LoadBalancer,
                        Ports = TestNodes.Worker("lb").Ports.SetItem("https", 443),
                    },
                    ModelJson.Default.Node
                ),
            Stop
        );
        await manager.AskAsync<LifecycleView>(HttpMethod.Post, "apis/petstore/lifecycle", """{"action":"publish"}""");
        await manager.AskAsync<DeploymentView>(HttpMethod.Post, "apis/petstore/deployments", "{}");
        await manager.AskAsync<DeploymentView>(
            HttpMethod.Post,
            "apis/petstore/deployments",
            """{"environment":"staging"}"""
        );
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        foreach (var path in (string[])["apis/petstore:1.0.0", "apis/petstore:1.0.0/revisions/1"])
        {
            using var shown = await manager.SendAsync(HttpMethod.Get, path, token: sue);
            Assert.DoesNotContain("internal", await shown.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
            Assert.True(shown.IsSuccessStatusCode);
        }

        using (var diff = await manager.SendAsync(HttpMethod.Get, "apis/petstore:1.0.0/diff?from=1", token: sue))
        {
            Assert.Equal(HttpStatusCode.Forbidden, diff.StatusCode);
        }

        foreach (
            var (query, token) in ((string, string?)[])[("", sue), ("?servers=source", sue), ("?servers=gateway", null)]
        )
        {
            using var answer = await manager.SendAsync(
                HttpMethod.Get,
                $"apis/petstore:1.0.0/openapi{query}",
                token: token
            );
            var text = await answer.Content.ReadAsStringAsync(Stop);
            Assert.True(answer.IsSuccessStatusCode, text);
            Assert.DoesNotContain("internal", text, StringComparison.Ordinal);
            Assert.Equal(
                ["https://am.example.com/gw/petstore/1.0.0", "https://staging.example.com/gw/petstore/1.0.0"],
                JsonNode.Parse(text)!["servers"]!.AsArray().Select(s => (string)s!["url"]!)
            );
        }

        using var source = await manager.SendAsync(HttpMethod.Get, "apis/petstore:1.0.0/openapi");
        Assert.Equal(Documents.Pets, await source.Content.ReadAsStringAsync(Stop));
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Get,
            "apis/petstore:1.0.0/openapi?servers=both"
        );
    }
}
