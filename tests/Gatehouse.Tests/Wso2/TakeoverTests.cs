using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Cli;
using Gatehouse.Tests.Gateway;
using Gatehouse.Tests.KeyManager;
using Gatehouse.Tests.Management;

namespace Gatehouse.Tests.Wso2;

/// <summary>After <c>import wso2-db --apply</c> the callers of the old installation call as before.</summary>
public sealed class TakeoverTests : IDisposable
{
    private readonly Shell _shell = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(OldKind.MySql110)]
    [InlineData(OldKind.PostgreSql2)]
    public async Task A_worker_takes_the_old_tokens_that_count_and_no_other(OldKind kind)
    {
        await using var manager = await ManagerAsync();
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();

        using var ours = await manager.SendAsync(
            "PUT",
            "/api/v1/plans/Bronze",
            new { name = "Bronze", quota = "7/min" },
            await manager.TokenAsync()
        );
        Assert.Equal(HttpStatusCode.OK, ours.StatusCode);

        var ran = await ApplyAsync(manager, kind);
        await FeedAsync(manager, gateway, backend);

        // What 1.x's own numbers are only supposed to be takes the place of our default, and of nothing that somebody set.
        Assert.Equal(kind == OldKind.MySql110 ? "20/min" : "5000/min", await QuotaAsync("Gold"));
        Assert.Equal("7/min", await QuotaAsync("Bronze"));

        Assert.True(ran.Code == ExitCode.Partly, ran.Error + ran.Out); // Pizza Shack is not here
        Assert.True(
            (ran.Out + ran.Error).Contains("there is no such API", StringComparison.Ordinal),
            ran.Out + ran.Error
        );
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, OldDump.ClientToken));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, OldDump.UserToken));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, OldDump.EndlessToken));
        if (kind != OldKind.MySql110)
        {
            Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, OldDump.HashedToken));
        }

        foreach (var token in (string[])[OldDump.ExpiredToken, OldDump.RevokedToken, OldDump.ClientToken + "x", "r-t1"])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(gateway, token));
        }

        // Scopes and kind of the token count as they did.
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, OldDump.UserToken, "scoped"));
        Assert.Equal(HttpStatusCode.Forbidden, await CallAsync(gateway, OldDump.ClientToken, "scoped"));
        Assert.NotEqual(HttpStatusCode.OK, await CallAsync(gateway, OldDump.ClientToken, "users"));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, OldDump.UserToken, "users"));
        // It is a token, and no API key.
        using var asKey = await gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("apikey", OldDump.ClientToken)
        );
        Assert.Equal(HttpStatusCode.Unauthorized, asKey.StatusCode);

        async Task<string?> QuotaAsync(string plan) =>
            (
                await manager.Catalogue.FindAsync(EntityKinds.Plan, plan, ModelJson.Default.Plan, Stop)
            )?.Value.Quota?.ToString();
    }

    [Fact]
    public async Task A_consumer_key_and_secret_get_new_tokens_and_none_of_them_is_kept_as_it_is()
    {
        await using var manager = await ManagerAsync();
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        await ApplyAsync(manager, OldKind.MySql2);
        await FeedAsync(manager, gateway, backend);
        var client = new TestClient("", OldDump.Client, OldDump.Secret, "");

        var (status, token) = await manager.FormAsync("/token", client, ("grant_type", "client_credentials"));
        var (wrong, _) = await manager.FormAsync(
            "/token",
            client with
            {
                Secret = "no",
            },
            ("grant_type", "client_credentials")
        );

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, token["access_token"]!.GetValue<string>()));
        Assert.NotEqual(HttpStatusCode.OK, wrong);
        foreach (var change in await manager.FeedAsync())
        {
            var text = System.Text.Encoding.UTF8.GetString(change.Payload.Span);
            Assert.DoesNotContain(OldDump.Secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain(OldDump.ClientToken, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Doing_it_again_changes_nothing_and_brings_nothing_back_that_was_revoked_here()
    {
        await using var manager = await ManagerAsync();
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        await ApplyAsync(manager, OldKind.MySql2);
        var admin = await manager.TokenAsync();
        using var keys = await manager.SendAsync(
            "GET",
            "/api/v1/applications/DefaultApplication/keys?limit=100",
            token: admin
        );
        var key = (await keys.Content.ReadFromJsonAsync<JsonNode>(Stop))!["items"]!
            .AsArray()
            .Single(k => k!["lastFour"]!.GetValue<string>() == "0001" && k["type"]!.GetValue<string>() == "token")!;
        using var revoked = await manager.SendAsync("DELETE", $"/api/v1/keys/{key["id"]}", token: admin);
        var head = await manager.Catalogue.ReadHeadAsync(Stop);

        var again = await ApplyAsync(manager, OldKind.MySql2);
        await FeedAsync(manager, gateway, backend);

        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        Assert.Equal(ExitCode.Partly, again.Code);
        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(gateway, OldDump.ClientToken));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, OldDump.UserToken));
        // Plans are put again; nothing else is.
        Assert.True((await manager.Catalogue.ReadHeadAsync(Stop)).Epoch - head.Epoch <= 2);
    }

    [Fact]
    public async Task Nobody_but_an_administrator_takes_over()
    {
        await using var manager = await ManagerAsync();

        foreach (var role in (string[])[Roles.Publisher, Roles.Operator, Roles.Subscriber])
        {
            using var answer = await manager.SendAsync(
                "POST",
                "/api/v1/takeovers",
                new { name = "a", owner = "b" },
                await manager.TokenAsync("eve", role)
            );
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        }

        using var made = await manager.SendAsync(
            "POST",
            "/api/v1/applications/x/keys",
            new { type = "token" },
            await manager.TokenAsync()
        );
        Assert.NotEqual(HttpStatusCode.Created, made.StatusCode);
    }

    public void Dispose() => _shell.Dispose();

    private static async Task<TestKeyManager> ManagerAsync()
    {
        var manager = await TestKeyManager.StartAsync();
        await DefaultPolicies.EnsureAsync(manager.Catalogue, TestCatalogue.Tester, Stop);
        await manager.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "imported").Put(
                EntityKinds.Definition,
                "petstore:1.0.0",
                new ApiDefinition
                {
                    Name = "petstore",
                    Version = "1.0.0",
                    Context = "/petstore",
                    Operations = [],
                    Endpoints = [],
                },
                DefinitionJson.Default.ApiDefinition
            ),
            Stop
        );
        return manager;
    }

    private async Task<Ran> ApplyAsync(TestKeyManager manager, OldKind kind)
    {
        var dump = _shell.Write("dump.sql", OldDump.Write(kind));
        return await _shell.RunAsync(
            "import",
            "wso2-db",
            dump,
            "--out",
            Path.Combine(_shell.Home, "out"),
            "--apply",
            "--manager",
            manager.Address.ToString(),
            "--ca",
            _shell.Write("ca.pem", manager.Authority),
            "--token-file",
            _shell.Write("token", await manager.TokenAsync())
        );
    }

    private static async Task FeedAsync(TestKeyManager manager, TestGateway gateway, Backend backend)
    {
        var api = Entities.Petstore(backend.Url, "GET /pets", "GET /scoped", "GET /users") with
        {
            Security = ["oauth2"],
        };
        api = api with
        {
            Operations =
            [
                .. api.Operations.Select(o =>
                    o.Path == "/scoped" ? o with { Scopes = ["pets:read"] }
                    : o.Path == "/users" ? o with { AuthType = AuthType.ApplicationUser }
                    : o
                ),
            ],
        };
        Assert.Empty(gateway.Apply([api.Put(), .. await manager.FeedAsync()], replace: true));
    }

    private static async Task<HttpStatusCode> CallAsync(TestGateway gateway, string token, string path = "pets")
    {
        using var response = await gateway.SendAsync(
            HttpMethod.Get,
            $"/petstore/1.0.0/{path}",
            headers: ("Authorization", $"Bearer {token}")
        );
        return response.StatusCode;
    }
}
