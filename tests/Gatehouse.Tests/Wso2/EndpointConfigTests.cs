using System.Text;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Gatehouse.Wso2;

namespace Gatehouse.Tests.Wso2;

/// <summary>What an API project says of its backends, as far as the worker gets it.</summary>
public sealed class EndpointConfigTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gatehouse-endpoints-");

    [Fact]
    public void Failover_of_both_sets_keeps_its_order_and_every_endpoint_its_patience()
    {
        var api = Read(
            """
            endpoint_type: failover
            failOver: "True"
            production_endpoints: { url: "https://a.example", config: { actionDuration: "30000" } }
            production_failovers: [ { url: "https://b.example", config: { actionDuration: "5000" } }, { url: "https://c.example" } ]
            sandbox_endpoints: { url: "https://s.example" }
            sandbox_failovers: [ { url: "https://t.example" } ]
            """
        ).Api;

        Assert.Equal(
            [("https://a.example", 0, 30.0), ("https://b.example", 1, 5.0), ("https://c.example", 2, null)],
            api.Production.Endpoints.Select(e => (e.Url, e.Group, e.ResponseTimeout?.TotalSeconds))
        );
        Assert.Equal(
            [("https://s.example", 0), ("https://t.example", 1)],
            api.Sandbox!.Endpoints.Select(e => (e.Url, e.Group))
        );
    }

    [Fact]
    public void Load_balancing_with_sessions_is_round_robin_with_a_cookie_in_both_sets()
    {
        var api = Read(
            """
            endpoint_type: load_balance
            algoCombo: org.apache.synapse.endpoints.algorithms.RoundRobin
            sessionManagement: transport
            production_endpoints: [ { url: "http://a.example" }, { url: "http://b.example" } ]
            sandbox_endpoints: [ { url: "http://s.example" }, { url: "http://t.example" } ]
            """
        ).Api;

        foreach (var set in new[] { api.Production, api.Sandbox! })
        {
            Assert.Equal(("round-robin", true, 2), (set.Algorithm, set.Sticky, set.Endpoints.Length));
        }
    }

    [Theory]
    [InlineData("suspendDuration: \"20000\", retryTimeOut: \"4\", factor: \"2\", suspendMaxDuration: \"60000\"", 20, 5)]
    [InlineData("suspendDuration: \"20000\"", 20, 2)]
    [InlineData("suspendDuration: \"60\"", 1, 2)]
    [InlineData("suspendDuration: \"0\"", null, 0)]
    [InlineData("suspendDuration: \"20000\", suspendErrorCode: [\"-1\"]", null, 0)]
    [InlineData("suspendDuration: \"soon\"", null, 0)]
    public void Suspension_becomes_a_breaker_that_takes_at_least_two_failures(string config, int? openFor, int failures)
    {
        var api = Read(
            $$"""
            endpoint_type: http
            production_endpoints: { url: "http://a.example", config: { {{config}} } }
            """
        ).Api;

        Assert.Equal(openFor, (int?)api.Production.Breaker?.OpenFor.TotalSeconds);
        Assert.Equal(failures, api.Production.Breaker?.Failures ?? 0);
    }

    [Fact]
    public void An_endpoint_that_never_times_out_waits_as_long_as_any_can()
    {
        var api = Read(
            """
            endpoint_type: http
            production_endpoints: { url: "http://a.example", config: { actionSelect: neverTimeout } }
            """
        ).Api;

        Assert.Equal(TimeSpan.FromHours(1), api.Production.ResponseTimeout);
    }

    [Theory]
    [InlineData(
        "type: BASIC, username: gate, password: hunter2",
        "gatehouse api credential Orders --type basic --user gate --secret FILE"
    )]
    [InlineData(
        "type: OAUTH, grantType: CLIENT_CREDENTIALS, clientId: me, clientSecret: hunter2, tokenUrl: \"https://id.example/token\"",
        "gatehouse api credential Orders --type oauth2 --user me --token-url https://id.example/token --secret FILE"
    )]
    [InlineData(
        "type: API_KEY, apiKeyIdentifier: X-Key, apiKeyIdentifierType: HEADER, apiKeyValue: hunter2",
        "gatehouse api credential Orders --type apikey --header X-Key --secret FILE"
    )]
    [InlineData("type: BASIC, username: \"gate; rm -rf /\", password: hunter2", "--user … --secret FILE")]
    [InlineData("type: DIGEST, username: gate, password: hunter2", "DIGEST, which is not spoken here")]
    public void Credentials_of_a_backend_become_the_command_that_gives_them_without_the_secret(
        string security,
        string expected
    )
    {
        var (_, findings) = Read(
            $$"""
            endpoint_type: http
            production_endpoints: { url: "http://a.example" }
            endpoint_security: { production: { enabled: true, {{security}} } }
            """
        );

        var finding = Assert.Single(findings, f => f.Outcome == Outcome.Dangerous);
        Assert.Contains(expected, finding.Note, StringComparison.Ordinal);
        Assert.All(findings, f => Assert.DoesNotContain("hunter2", f.ToString(), StringComparison.Ordinal));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>As the worker gets it, by the way of the catalogue.</summary>
    private (Api Api, IReadOnlyList<Finding> Findings) Read(string endpointConfig)
    {
        Write(
            "api.yaml",
            $$"""
            type: api
            version: v4.2.0
            data:
              name: Orders
              version: "1.0.0"
              context: /orders
              type: HTTP
              transport: [https]
              endpointConfig:
            {{string.Join('\n', endpointConfig.ReplaceLineEndings("\n").Split('\n').Select(line => $"    {line}"))}}
              operations:
              - { target: /a, verb: GET, authType: Any }
            """
        );
        Write(
            "Definitions/swagger.yaml",
            """
            openapi: 3.0.1
            info: { title: Orders, version: "1.0.0" }
            paths:
              /a: { get: { responses: { "200": { description: ok } } } }
            """
        );
        var import = Import.Read(_folder.FullName, nginx: null);
        var imported = Assert.Single(import.Apis);
        var text = Encoding.UTF8.GetBytes(imported.Document.ToJsonString());
        var definition = new ImportSettings
        {
            Name = imported.Name,
            Version = imported.Version,
            Context = imported.Context,
            SandboxEndpoints = imported.SandboxEndpoints,
        }.Apply(OpenApiReader.Read(text), Digest.Of(text), null);
        Assert.Empty(ApiRules.Check(definition));
        return (definition.ToApi(1), import.Log.Findings);
    }

    private void Write(string path, string text)
    {
        var file = Path.Combine(_folder.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
