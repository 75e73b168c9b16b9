using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management.Applications;

public sealed class LimitCommandTests : IAsyncLifetime
{
    private LiveManager _manager = null!;

    public async ValueTask InitializeAsync() => _manager = await LiveManager.StartAsync();

    public ValueTask DisposeAsync() => _manager.DisposeAsync();

    [Fact]
    public async Task A_plan_is_made_listed_subscribed_to_and_kept_while_it_is_in_use()
    {
        await ImportAsync();
        Assert.Equal(
            ExitCode.Done,
            await CodeAsync("plan", "create", "Gold", "--rate", "5000/min", "--burst", "50", "--billing", "10 EUR")
        );
        Assert.Equal(ExitCode.Conflict, await CodeAsync("plan", "create", "Gold"));
        await CodeAsync("app", "create", "MyApp");
        Assert.Equal(ExitCode.Invalid, await CodeAsync("sub", "create", "MyApp", "petstore", "--plan", "Goldd"));
        Assert.Equal(ExitCode.Done, await CodeAsync("sub", "create", "MyApp", "petstore", "--plan", "Gold"));

        Assert.Contains("Gold", (await _manager.RunAsync("sub", "list")).Out, StringComparison.Ordinal);
        var list = (await _manager.RunAsync("plan", "list")).Out;
        Assert.Contains("5000/min", list, StringComparison.Ordinal);
        Assert.Contains("50/s", list, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Conflict, await CodeAsync("plan", "delete", "Gold", "--yes"));

        Assert.Equal(ExitCode.Done, await CodeAsync("sub", "create", "MyApp", "petstore"));
        Assert.Equal(ExitCode.Done, await CodeAsync("plan", "delete", "Gold", "--yes"));
        Assert.Equal(ExitCode.NotFound, await CodeAsync("plan", "show", "Gold"));
    }

    [Fact]
    public async Task A_new_catalogue_has_the_plans_and_limits_of_WSO2_2_x_and_what_is_deleted_stays_away()
    {
        var actor = new Actor("test", "test");
        await DefaultPolicies.EnsureAsync(_manager.Catalogue, actor, TestContext.Current.CancellationToken);

        Assert.Equal("Bronze 1000/min, Gold 5000/min, Silver 2000/min", await LimitsAsync("plans"));
        Assert.Equal("10PerMin 10/min, 20PerMin 20/min, 50PerMin 50/min", await LimitsAsync("application-policies"));
        Assert.Equal(
            "10KPerMin 10000/min, 20KPerMin 20000/min, 50KPerMin 50000/min",
            await LimitsAsync("api-policies")
        );

        await CodeAsync("plan", "delete", "Bronze", "--yes");
        await DefaultPolicies.EnsureAsync(_manager.Catalogue, actor, TestContext.Current.CancellationToken);
        Assert.Equal("Gold 5000/min, Silver 2000/min", await LimitsAsync("plans"));

        async Task<string> LimitsAsync(string kind) =>
            string.Join(
                ", ",
                (await _manager.AskAsync<JsonObject>(HttpMethod.Get, kind))["items"]!
                    .AsArray()
                    .Select(l => $"{(string?)l!["name"]} {(string?)l["quota"]}")
                    .Order(StringComparer.Ordinal)
            );
    }

    [Theory]
    [InlineData("plans", "stopOnQuotaReach")]
    [InlineData("application-policies", "perUser")]
    [InlineData("api-policies", null)]
    public async Task What_is_made_with_nothing_but_a_name_has_the_defaults(string kind, string? on)
    {
        var made = await _manager.AskAsync<JsonObject>(
            HttpMethod.Post,
            kind,
            """{"name":"Bare"}""",
            HttpStatusCode.Created
        );
        var shown = await _manager.AskAsync<JsonObject>(HttpMethod.Get, $"{kind}/Bare");

        foreach (var body in (JsonObject[])[made, shown])
        {
            Assert.Equal("", body["description"]!.GetValue<string>());
            Assert.True(on is null || body[on]!.GetValue<bool>(), body.ToJsonString());
        }
    }

    [Fact]
    public async Task Limits_of_every_kind_are_made_shown_and_deleted()
    {
        Assert.Equal(ExitCode.Done, await CodeAsync("limit", "create", "application", "50PerMin", "--rate", "50/min"));
        Assert.Equal(
            ExitCode.Done,
            await CodeAsync(
                "limit",
                "create",
                "api",
                "partners",
                "--rate",
                "100/min",
                "--when",
                "ip=10.0.0.0/8,!header:X-Tier=tin => 10000/min",
                "--when",
                "claim:tier=gold => unlimited"
            )
        );
        Assert.Equal(
            ExitCode.Done,
            await CodeAsync("limit", "create", "key", "per-user", "--key", "$apiContext:$userId", "--rate", "10/s")
        );

        var shown = (await _manager.RunAsync("limit", "show", "api", "partners")).Out;
        Assert.Contains("ip=10.0.0.0/8,!header:X-Tier=tin => 10000/min", shown, StringComparison.Ordinal);
        Assert.Contains("claim:tier=gold => unlimited", shown, StringComparison.Ordinal);
        var list = (await _manager.RunAsync("limit", "list")).Out;
        Assert.Contains("$apiContext:$userId", list, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Done, await CodeAsync("app", "create", "MyApp", "--policy", "50PerMin"));
        Assert.Equal(ExitCode.Conflict, await CodeAsync("limit", "delete", "application", "50PerMin", "--yes"));
        Assert.Equal(ExitCode.Done, await CodeAsync("app", "limit", "MyApp", "Unlimited"));
        Assert.Equal(ExitCode.Done, await CodeAsync("limit", "delete", "application", "50PerMin", "--yes"));
    }

    [Theory]
    [InlineData((int)ExitCode.Usage, "plan", "create", "Gold", "--rate", "lots")]
    [InlineData((int)ExitCode.Invalid, "plan", "create", "Go ld", "--rate", "5/min")]
    [InlineData((int)ExitCode.Invalid, "plan", "create", "Gold", "--burst", "0")]
    [InlineData((int)ExitCode.Invalid, "limit", "create", "key", "x", "--key", "$nothing", "--rate", "5/min")]
    [InlineData((int)ExitCode.Invalid, "limit", "create", "key", "x", "--key", "plain", "--rate", "5/min")]
    [InlineData((int)ExitCode.Invalid, "limit", "create", "api", "x", "--when", "ip=10.0.0.0/77 => 5/min")]
    [InlineData((int)ExitCode.Usage, "limit", "create", "api", "x", "--when", "moon=full => 5/min")]
    [InlineData((int)ExitCode.Usage, "limit", "create", "api", "x", "--when", "ip=10.0.0.1")]
    [InlineData((int)ExitCode.Invalid, "block", "add", "ip", "10.0.0.0/99")]
    [InlineData((int)ExitCode.NotFound, "block", "add", "api", "nowhere")]
    [InlineData((int)ExitCode.Usage, "block", "add", "moon", "full")]
    [InlineData((int)ExitCode.NotFound, "block", "remove", "ip/10.0.0.1")]
    public async Task What_cannot_be_is_told_and_changes_nothing(int code, params string[] line)
    {
        var run = await _manager.RunAsync(line);

        Assert.Equal(code, (int)run.Code);
        Assert.NotEmpty(run.Error);
    }

    [Fact]
    public async Task Blocks_are_set_by_what_people_call_things_and_taken_away_by_name()
    {
        await ImportAsync();
        Assert.Equal(ExitCode.Done, await CodeAsync("block", "add", "api", "petstore", "--reason", "broken"));
        Assert.Equal(ExitCode.Done, await CodeAsync("block", "add", "ip", "10.0.0.0/8", "--all-but"));
        Assert.Equal(ExitCode.Done, await CodeAsync("block", "add", "user", "ann", "--off"));

        var list = (await _manager.RunAsync("block", "list")).Out;
        Assert.Contains("api/petstore:1.0.0", list, StringComparison.Ordinal);
        Assert.Contains("ip/!10.0.0.0/8", list, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, await CodeAsync("block", "remove", "ip/!10.0.0.0/8"));
        Assert.Equal(ExitCode.NotFound, await CodeAsync("block", "remove", "ip/!10.0.0.0/8"));
    }

    [Fact]
    public async Task The_tiers_of_a_document_become_policies_and_unknown_ones_are_refused_before_they_close_anything()
    {
        var file = _manager.Write("tiers.yaml", Document("10KPerMin"));
        var refused = await _manager.RunAsync("api", "import", file, "--endpoint", "http://localhost:1");
        Assert.Equal(ExitCode.Invalid, refused.Code);
        Assert.Contains("10KPerMin", refused.Error, StringComparison.Ordinal);

        await DefaultPolicies.EnsureAsync(
            _manager.Catalogue,
            new Actor("setup", "test"),
            TestContext.Current.CancellationToken
        );
        Assert.Equal(
            ExitCode.Done,
            await CodeAsync("api", "import", file, "--endpoint", "http://localhost:1", "--max-tps", "7")
        );
        Assert.Equal(ExitCode.Conflict, await CodeAsync("limit", "delete", "api", "10KPerMin", "--yes"));

        await CodeAsync("deploy", "tiers:1.0.0");
        var api = await _manager.Catalogue.FindAsync(
            EntityKinds.Api,
            "tiers:1.0.0",
            ModelJson.Default.Api,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(["10KPerMin", null], api!.Value.Operations.Select(o => o.Policy));
        Assert.Equal(7, api.Value.MaxTps);
        Assert.Equal("20KPerMin", api.Value.Policy);
    }

    [Fact]
    public async Task A_publisher_reads_limits_and_only_an_operator_sets_them()
    {
        var token = await _manager.TokenAsync("bob", Roles.Publisher);
        _manager.Write("token", token);

        Assert.Equal(ExitCode.Done, await CodeAsync("plan", "list"));
        Assert.Equal(ExitCode.NotAllowed, await CodeAsync("plan", "create", "Gold"));
        Assert.Equal(ExitCode.NotAllowed, await CodeAsync("block", "add", "user", "ann"));
    }

    private async Task ImportAsync() =>
        Assert.Equal(
            ExitCode.Done,
            await CodeAsync(
                "api",
                "import",
                _manager.Write(
                    "pets.yaml",
                    Document("Unlimited")
                        .Replace("tiers", "petstore", StringComparison.Ordinal)
                        .Replace("20KPerMin", "Unlimited", StringComparison.Ordinal)
                ),
                "--endpoint",
                "http://localhost:1"
            )
        );

    private async Task<ExitCode> CodeAsync(params string[] line) => (await _manager.RunAsync(line)).Code;

    private static string Document(string tier) =>
        $$"""
            openapi: 3.0.3
            info:
              title: tiers
              version: 1.0.0
            x-wso2-throttling-tier: 20KPerMin
            paths:
              /pets:
                get:
                  x-throttling-tier: {{tier}}
                  responses:
                    '200':
                      description: ok
                post:
                  x-throttling-tier: Unlimited
                  responses:
                    '200':
                      description: ok
            """;
}
