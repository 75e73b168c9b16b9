using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.KeyManager;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway;
using Gatehouse.Tests.Management;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.KeyManager;

public abstract class KeyManagerTests(Product product)
{
    public sealed class OnSqlite() : KeyManagerTests(Product.Sqlite);

    public sealed class OnPostgreSql() : KeyManagerTests(Product.PostgreSql);

    private static readonly object s_codeClient = new
    {
        type = "oauth2",
        grants = new[] { "authorization_code", "refresh_token", "client_credentials" },
        redirectUris = new[] { TestClient.Redirect },
    };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_gets_a_token_with_WSO2s_claims_and_a_worker_takes_it_without_fetching_anything()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await using var worker = await Worker.StartAsync(manager);
        var client = await manager.AddClientAsync();
        await worker.SubscribeAsync(client);

        var token = await ClientTokenAsync(manager, client);
        var claims = TestKeyManager.Claims(token);

        Assert.Equal("https://id.test:9443/", claims["iss"]!.GetValue<string>());
        Assert.Equal("APPLICATION", claims["aut"]!.GetValue<string>());
        Assert.Equal(client.Id, claims["azp"]!.GetValue<string>());
        Assert.Equal(client.Id, claims["consumerKey"]!.GetValue<string>());
        Assert.Equal("PRODUCTION", claims["keytype"]!.GetValue<string>());
        Assert.Equal("shop", claims["application"]!["name"]!.GetValue<string>());
        Assert.Equal(HttpStatusCode.OK, await worker.CallAsync(token));
        Assert.Equal(HttpStatusCode.Unauthorized, await worker.CallAsync(token[..^4] + "AAAA"));
    }

    [Fact]
    public async Task A_revoked_token_is_refused_by_a_worker_as_soon_as_it_has_the_change_and_after_a_restart()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await using var worker = await Worker.StartAsync(manager);
        var client = await manager.AddClientAsync();
        await worker.SubscribeAsync(client);
        var (revoked, other) = (await ClientTokenAsync(manager, client), await ClientTokenAsync(manager, client));
        Assert.Equal(HttpStatusCode.OK, await worker.CallAsync(revoked));

        var (status, _) = await manager.FormAsync("/oauth2/revoke", client, ("token", revoked));
        await worker.FeedAsync();
        await using var restarted = await Worker.StartAsync(manager);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(HttpStatusCode.Unauthorized, await worker.CallAsync(revoked));
        Assert.Equal(HttpStatusCode.Unauthorized, await restarted.CallAsync(revoked));
        Assert.Equal(HttpStatusCode.OK, await restarted.CallAsync(other));
    }

    [Fact]
    public async Task Introspection_tells_a_clients_own_tokens_and_none_of_another()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var (client, other) = (await manager.AddClientAsync(), await manager.AddClientAsync(name: "other"));
        var token = await ClientTokenAsync(manager, client);

        var (_, own) = await manager.FormAsync("/oauth2/introspect", client, ("token", token));
        var (_, foreign) = await manager.FormAsync("/oauth2/introspect", other, ("token", token));
        await manager.FormAsync("/oauth2/revoke", client, ("token", token));
        var (_, after) = await manager.FormAsync("/oauth2/introspect", client, ("token", token));

        Assert.True(own["active"]!.GetValue<bool>());
        Assert.False(foreign["active"]?.GetValue<bool>() ?? false);
        Assert.False(after["active"]!.GetValue<bool>());
    }

    [Fact]
    public async Task A_user_signs_in_agrees_once_and_the_client_gets_who_it_is()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync(s_codeClient);
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);

        var (code, verifier) = await manager.AuthorizeAsync(client, cookie, "openid profile");
        var (status, tokens) = await manager.RedeemAsync(client, code, verifier);
        var access = tokens["access_token"]!.GetValue<string>();
        using var info = await manager.SendAsync("GET", "/oauth2/userinfo", token: access);
        var who = (await info.Content.ReadFromJsonAsync<JsonNode>(Stop))!;
        // Agreed once: this time no page is shown.
        using var again = await manager.SendAsync(
            "GET",
            $"/oauth2/authorize?response_type=code&client_id={client.Id}&redirect_uri={Uri.EscapeDataString(TestClient.Redirect)}&scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
            cookie: cookie
        );

        Assert.Equal(HttpStatusCode.OK, status);
        var claims = TestKeyManager.Claims(access);
        Assert.Equal("APPLICATION_USER", claims["aut"]!.GetValue<string>());
        Assert.Equal("bob", claims["username"]!.GetValue<string>());
        Assert.Equal(claims["sub"]!.GetValue<string>(), who["sub"]!.GetValue<string>());
        Assert.Equal("bob", who["preferred_username"]!.GetValue<string>());
        var identity = TestKeyManager.Claims(tokens["id_token"]!.GetValue<string>());
        Assert.Equal("n1", identity["nonce"]!.GetValue<string>());
        Assert.Equal(client.Id, identity["aud"]!.GetValue<string>());
        Assert.StartsWith(TestClient.Redirect + "?code=", again.Headers.Location!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scope_that_is_bound_to_roles_goes_to_their_users_alone()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var admin = await manager.TokenAsync();
        using var made = await manager.SendAsync(
            "POST",
            "/api/v1/apis/create",
            new
            {
                name = "pets",
                version = "1",
                endpoints = (string[])["http://pets.internal"],
            },
            admin
        );
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        using var read = await manager.SendAsync("PUT", "/api/v1/apis/pets/scopes/pets:read", new { }, admin);
        using var write = await manager.SendAsync(
            "PUT",
            "/api/v1/apis/pets/scopes/pets:write",
            new { roles = (string[])["publisher"] },
            admin
        );
        using var asks = await manager.SendAsync(
            "PATCH",
            "/api/v1/apis/pets/operations",
            (object[])
                [
                    new
                    {
                        method = "GET",
                        path = "/*",
                        scopes = (string[])["pets:read", "pets:write"],
                    },
                ],
            admin
        );
        Assert.Equal(HttpStatusCode.OK, asks.StatusCode);
        using var deployed = await manager.SendAsync("POST", "/api/v1/apis/pets/deployments", new { }, admin);
        Assert.True(deployed.IsSuccessStatusCode, await deployed.Content.ReadAsStringAsync(Stop));
        var client = await manager.AddClientAsync(s_codeClient);

        Assert.Equal(
            "pets:read",
            await ScopesOfAsync(manager, client, await manager.AddUserAsync("bob", Roles.Subscriber))
        );
        Assert.Equal(
            "pets:read pets:write",
            await ScopesOfAsync(manager, client, await manager.AddUserAsync("eve", Roles.Publisher))
        );

        static async Task<string> ScopesOfAsync(TestKeyManager manager, TestClient client, string cookie)
        {
            var (code, verifier) = await manager.AuthorizeAsync(client, cookie, "pets:read pets:write");
            var (_, tokens) = await manager.RedeemAsync(client, code, verifier);
            var scopes = TestKeyManager.Claims(tokens["access_token"]!.GetValue<string>())["scope"]!.GetValue<string>();
            return scopes.Replace(" offline_access", "", StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_code_without_its_verifier_with_another_ones_or_for_the_second_time_gives_nothing()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var (client, other) = (
            await manager.AddClientAsync(s_codeClient),
            await manager.AddClientAsync(s_codeClient, "other")
        );
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);

        var (code, verifier) = await manager.AuthorizeAsync(client, cookie);
        var (wrong, _) = await manager.RedeemAsync(client, code, new string('x', 43));
        var (foreign, _) = await manager.RedeemAsync(other, code, verifier);
        var (good, tokens) = await manager.RedeemAsync(client, code, verifier);
        var (twice, _) = await manager.RedeemAsync(client, code, verifier);
        var (_, after) = await manager.FormAsync(
            "/oauth2/introspect",
            client,
            ("token", tokens["access_token"]!.GetValue<string>())
        );
        using var withoutPkce = await manager.SendAsync(
            "GET",
            $"/oauth2/authorize?response_type=code&client_id={client.Id}&redirect_uri={Uri.EscapeDataString(TestClient.Redirect)}",
            cookie: cookie
        );

        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.BadRequest), (wrong, foreign));
        Assert.Equal(HttpStatusCode.OK, good);
        Assert.Equal(HttpStatusCode.BadRequest, twice);
        Assert.False(after["active"]!.GetValue<bool>());
        Assert.DoesNotContain("code=", withoutPkce.Headers.Location?.Query ?? "", StringComparison.Ordinal);
        Assert.True(
            withoutPkce.StatusCode == HttpStatusCode.BadRequest
                || withoutPkce.Headers.Location!.Query.Contains("error=invalid_request", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_refresh_token_turns_over_and_one_that_comes_twice_ends_all_of_its_grant_at_the_workers_too()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await using var worker = await Worker.StartAsync(manager);
        var client = await manager.AddClientAsync(s_codeClient);
        await worker.SubscribeAsync(client);
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);
        var (code, verifier) = await manager.AuthorizeAsync(client, cookie);
        var (_, first) = await manager.RedeemAsync(client, code, verifier);
        var stolen = first["refresh_token"]!.GetValue<string>();

        var (status, second) = await RefreshAsync(manager, client, stolen);
        var access = second["access_token"]!.GetValue<string>();
        await worker.FeedAsync();
        var before = await worker.CallAsync(access);
        var (reused, error) = await RefreshAsync(manager, client, stolen);
        await worker.FeedAsync();
        var (victim, _) = await RefreshAsync(manager, client, second["refresh_token"]!.GetValue<string>());

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.NotEqual(stolen, second["refresh_token"]!.GetValue<string>());
        Assert.Equal(HttpStatusCode.OK, before);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (reused, error["error"]!.GetValue<string>()));
        Assert.Equal(HttpStatusCode.BadRequest, victim);
        Assert.Equal(HttpStatusCode.Unauthorized, await worker.CallAsync(access));
    }

    [Fact]
    public async Task A_locked_users_tokens_end_at_the_workers_and_give_no_new_ones()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await using var worker = await Worker.StartAsync(manager);
        var client = await manager.AddClientAsync(s_codeClient);
        await worker.SubscribeAsync(client);
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);
        var (code, verifier) = await manager.AuthorizeAsync(client, cookie);
        var (_, tokens) = await manager.RedeemAsync(client, code, verifier);

        using var locked = await manager.SendAsync("POST", "/api/v1/users/bob/lock", token: await manager.TokenAsync());
        await worker.FeedAsync();
        var (refreshed, _) = await RefreshAsync(manager, client, tokens["refresh_token"]!.GetValue<string>());

        Assert.Equal(HttpStatusCode.OK, locked.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, await worker.CallAsync(tokens["access_token"]!.GetValue<string>()));
        Assert.Equal(HttpStatusCode.BadRequest, refreshed);
    }

    [Fact]
    public async Task Who_says_no_sends_the_client_away_and_no_other_site_can_say_yes()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync(s_codeClient);
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);
        var path =
            $"/oauth2/authorize?response_type=code&client_id={client.Id}&redirect_uri={Uri.EscapeDataString(TestClient.Redirect)}&scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
        using var asked = await manager.SendAsync("GET", path, cookie: cookie);
        var page = await asked.Content.ReadAsStringAsync(Stop);

        using var anonymous = await manager.SendAsync("GET", path);
        using var other = await manager.DecideAsync(page, "yes", cookie, "https://evil.example");
        using var no = await manager.DecideAsync(page, "no", cookie);

        Assert.StartsWith("/oauth2/sign-in?return=", anonymous.Headers.Location!.ToString(), StringComparison.Ordinal);
        var policy = asked.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, other.StatusCode);
        Assert.Contains("error=access_denied", no.Headers.Location!.Query, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://evil.example/callback")]
    [InlineData("https://shop.example/callback/../evil")]
    [InlineData("https://shop.example.evil.example/callback")]
    [InlineData("javascript:alert(1)")]
    public async Task A_redirect_uri_that_is_not_the_clients_is_never_gone_to(string uri)
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync(s_codeClient);
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);

        using var asked = await manager.SendAsync(
            "GET",
            $"/oauth2/authorize?response_type=code&client_id={client.Id}&redirect_uri={Uri.EscapeDataString(uri)}&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
            cookie: cookie
        );

        Assert.Equal(HttpStatusCode.BadRequest, asked.StatusCode);
        Assert.Null(asked.Headers.Location);
    }

    [Fact]
    public async Task The_sign_in_page_signs_in_and_leads_back_and_nowhere_else()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await manager.AddUserAsync("bob", Roles.Subscriber);

        using var back = await SignInAsync(manager, "/oauth2/authorize?x=1");
        using var away = await SignInAsync(manager, "https://evil.example/oauth2/");
        using var twisted = await SignInAsync(manager, "//evil.example/oauth2/");
        using var wrong = await SignInAsync(manager, "/oauth2/authorize", "not the password");

        Assert.True(back.Headers.Contains("Set-Cookie"));
        Assert.Equal("0;url=/oauth2/authorize?x=1", back.Headers.GetValues("Refresh").Single());
        Assert.Equal("0;url=/", away.Headers.GetValues("Refresh").Single());
        Assert.Equal("0;url=/", twisted.Headers.GetValues("Refresh").Single());
        Assert.False(wrong.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task The_password_grant_is_off_until_an_administrator_switches_it_on()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync(new { type = "oauth2", grants = new[] { "password" } });
        await manager.AddUserAsync("bob", Roles.Subscriber);
        (string, string)[] fields =
        [
            ("grant_type", "password"),
            ("username", "bob"),
            ("password", TestKeyManager.Password),
        ];

        var (off, error) = await manager.FormAsync("/oauth2/token", client, fields);
        using var set = await manager.SendAsync(
            "PUT",
            "/api/v1/account-settings",
            new { passwordGrant = true },
            await manager.TokenAsync()
        );
        var (on, tokens) = await manager.FormAsync("/oauth2/token", client, fields);

        Assert.Equal((HttpStatusCode.BadRequest, "unsupported_grant_type"), (off, error["error"]!.GetValue<string>()));
        Assert.Equal(HttpStatusCode.OK, on);
        Assert.Equal(
            "bob",
            TestKeyManager.Claims(tokens["access_token"]!.GetValue<string>())["username"]!.GetValue<string>()
        );
    }

    [Fact]
    public async Task A_client_has_only_the_grants_it_was_given()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync(
            new
            {
                type = "oauth2",
                grants = new[] { "authorization_code" },
                redirectUris = new[] { TestClient.Redirect },
            }
        );

        var (status, error) = await manager.FormAsync("/oauth2/token", client, ("grant_type", "client_credentials"));

        Assert.Equal((HttpStatusCode.BadRequest, "unauthorized_client"), (status, error["error"]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_client_secret_rolls_with_overlap_and_is_kept_as_a_hash()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync();

        using var rolled = await manager.SendAsync(
            "POST",
            $"/api/v1/keys/{client.Key}/roll",
            new { overlapSeconds = 3600 },
            await manager.TokenAsync()
        );
        var next = client with
        {
            Secret = (await rolled.Content.ReadFromJsonAsync<JsonNode>(Stop))!["secret"]!.GetValue<string>(),
        };
        var (old, _) = await manager.FormAsync("/oauth2/token", client, ("grant_type", "client_credentials"));
        var (young, _) = await manager.FormAsync("/oauth2/token", next, ("grant_type", "client_credentials"));
        using var again = await manager.SendAsync(
            "POST",
            $"/api/v1/keys/{client.Key}/roll",
            new { },
            await manager.TokenAsync()
        );
        var (gone, _) = await manager.FormAsync("/oauth2/token", next, ("grant_type", "client_credentials"));
        var bytes = new StringBuilder();
        await foreach (var (_, content) in manager.Test.FilesAsync())
        {
            bytes.Append(Encoding.Latin1.GetString(content));
        }

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (old, young));
        Assert.Equal(HttpStatusCode.Unauthorized, gone);
        Assert.Contains(client.Id, bytes.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(client.Secret!, bytes.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(next.Secret!, bytes.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\"signsFrom\"", bytes.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_revoked_key_and_a_suspended_application_get_no_token()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var (revoked, suspended) = (await manager.AddClientAsync(), await manager.AddClientAsync(name: "other"));
        var admin = await manager.TokenAsync();

        using var one = await manager.SendAsync("DELETE", $"/api/v1/keys/{revoked.Key}", token: admin);
        using var two = await manager.SendAsync(
            "PATCH",
            $"/api/v1/applications/{suspended.Application}",
            new { suspended = true },
            admin
        );
        var (first, _) = await manager.FormAsync("/oauth2/token", revoked, ("grant_type", "client_credentials"));
        var (second, error) = await manager.FormAsync("/oauth2/token", suspended, ("grant_type", "client_credentials"));

        Assert.True(one.IsSuccessStatusCode && two.IsSuccessStatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, first);
        Assert.Equal("unauthorized_client", error["error"]!.GetValue<string>());
        Assert.NotEqual(HttpStatusCode.OK, second);
    }

    [Fact]
    public async Task Signing_keys_overlap_old_tokens_stay_good_and_a_second_manager_signs_with_the_same_keys()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await using var second = await manager.StartSecondAsync();
        await using var worker = await Worker.StartAsync(manager);
        var client = await manager.AddClientAsync();
        await worker.SubscribeAsync(client);
        var before = await ClientTokenAsync(manager, client);

        using var rotated = await manager.SendAsync(
            "POST",
            "/api/v1/key-manager/keys",
            new { },
            await manager.TokenAsync()
        );
        var keys = await manager.Http.GetFromJsonAsync<JsonNode>("/oauth2/jwks", Stop);
        await worker.FeedAsync();
        var elsewhere = await ClientTokenAsync(second, client);

        Assert.Equal(HttpStatusCode.Created, rotated.StatusCode);
        Assert.Equal(2, keys!["keys"]!.AsArray().Count);
        Assert.All(keys["keys"]!.AsArray(), k => Assert.Null(k!["d"]));
        Assert.Equal(HttpStatusCode.OK, await worker.CallAsync(before));
        Assert.Equal(HttpStatusCode.OK, await worker.CallAsync(elsewhere));
        var issuer = (await manager.FeedAsync()).Single(c => c.Kind == EntityKinds.Issuer);
        Assert.DoesNotContain("\\\"d\\\"", Encoding.UTF8.GetString(issuer.Payload.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_begun_on_one_manager_counts_on_the_other_and_ends_on_both()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await using var second = await manager.StartSecondAsync();
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);

        using var here = await manager.SendAsync("GET", "/api/v1/me", cookie: cookie);
        using var there = await second.SendAsync("GET", "/api/v1/me", cookie: cookie);
        using var left = await second.SendAsync("POST", "/api/v1/logout", cookie: cookie);
        using var after = await manager.SendAsync("GET", "/api/v1/me", cookie: cookie);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (here.StatusCode, there.StatusCode));
        Assert.Equal(HttpStatusCode.NoContent, left.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);
    }

    [Fact]
    public async Task The_key_managers_own_issuer_is_nobody_elses_to_change()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var admin = await manager.TokenAsync();
        var client = await manager.AddClientAsync();

        using var deleted = await manager.SendAsync("DELETE", "/api/v1/issuers/gatehouse", token: admin);
        using var replaced = await manager.SendAsync(
            "PUT",
            "/api/v1/issuers/gatehouse",
            new
            {
                name = "gatehouse",
                url = "https://evil.example/",
                keysUrl = "https://evil.example/keys",
            },
            admin
        );
        using var bound = await manager.SendAsync(
            "POST",
            $"/api/v1/applications/{client.Application}/keys",
            new
            {
                type = "oauth2",
                issuer = "gatehouse",
                clientId = "gatehouse-cli",
            },
            admin
        );

        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.Conflict), (deleted.StatusCode, replaced.StatusCode));
        Assert.Equal(HttpStatusCode.BadRequest, bound.StatusCode);
    }

    [Fact]
    public async Task A_device_is_let_in_by_a_user_elsewhere_and_its_token_opens_the_REST_API_within_its_scopes()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var cookie = await manager.AddUserAsync("bob", Roles.Publisher);
        var cli = new TestClient("", "gatehouse-cli", null, "");
        var (_, device) = await manager.FormAsync(
            "/oauth2/device_authorize",
            cli,
            ("scope", "gatehouse:read gatehouse:administer")
        );
        (string, string)[] poll =
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", device["device_code"]!.GetValue<string>()),
        ];

        var (early, pending) = await manager.FormAsync("/oauth2/token", cli, poll);
        var verify = new Uri(device["verification_uri_complete"]!.GetValue<string>());
        using var asked = await manager.SendAsync("GET", verify.PathAndQuery, cookie: cookie);
        using var agreed = await manager.DecideAsync(await asked.Content.ReadAsStringAsync(Stop), "yes", cookie);
        var (done, tokens) = await manager.FormAsync("/oauth2/token", cli, poll);
        var access = tokens["access_token"]?.GetValue<string>() ?? "";
        using var read = await manager.SendAsync("GET", "/api/v1/apis", token: access);
        using var publish = await manager.SendAsync("POST", "/api/v1/apis?name=x", new { }, access);
        using var administer = await manager.SendAsync("GET", "/api/v1/users", token: access);

        Assert.Equal(
            (HttpStatusCode.BadRequest, "authorization_pending"),
            (early, pending["error"]!.GetValue<string>())
        );
        Assert.True(done == HttpStatusCode.OK, tokens.ToJsonString());
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (publish.StatusCode, administer.StatusCode));
    }

    [Fact]
    public async Task An_applications_token_does_not_open_the_REST_API()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync();
        var (_, tokens) = await manager.FormAsync(
            "/oauth2/token",
            client,
            ("grant_type", "client_credentials"),
            ("scope", "gatehouse:administer")
        );

        using var refused = await manager.SendAsync(
            "GET",
            "/api/v1/users",
            token: tokens["access_token"]!.GetValue<string>()
        );

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    [Fact]
    public async Task A_client_registers_itself_and_keeps_its_own_registration()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await manager.AddUserAsync("dev", Roles.Subscriber);
        var initial = await manager.TokenAsync("dev", Roles.Subscriber);

        using var registered = await manager.SendAsync(
            "POST",
            "/oauth2/register",
            new { client_name = "robot", grant_types = new[] { "client_credentials" } },
            initial
        );
        var made = (await registered.Content.ReadFromJsonAsync<JsonNode>(Stop))!;
        var client = new TestClient(
            "",
            made["client_id"]!.GetValue<string>(),
            made["client_secret"]!.GetValue<string>(),
            ""
        );
        var own = made["registration_access_token"]!.GetValue<string>();
        var uri = new Uri(made["registration_client_uri"]!.GetValue<string>()).AbsolutePath;
        var (works, _) = await manager.FormAsync("/oauth2/token", client, ("grant_type", "client_credentials"));
        using var shown = await manager.SendAsync("GET", uri, token: own);
        using var stranger = await manager.SendAsync("GET", uri, token: "ghr_" + new string('0', 64));
        using var changed = await manager.SendAsync(
            "PUT",
            uri,
            new
            {
                client_id = client.Id,
                client_name = "robot",
                grant_types = new[] { "authorization_code" },
                redirect_uris = new[] { TestClient.Redirect },
            },
            own
        );
        var (denied, _) = await manager.FormAsync("/oauth2/token", client, ("grant_type", "client_credentials"));
        using var bad = await manager.SendAsync(
            "PUT",
            uri,
            new { grant_types = new[] { "authorization_code" }, redirect_uris = new[] { "http://evil.example/" } },
            own
        );
        using var deleted = await manager.SendAsync("DELETE", uri, token: own);
        using var after = await manager.SendAsync("GET", uri, token: own);
        using var anonymous = await manager.SendAsync("POST", "/oauth2/register", new { client_name = "x" });

        Assert.Equal(HttpStatusCode.Created, registered.StatusCode);
        Assert.Equal(HttpStatusCode.OK, works);
        Assert.Equal(
            "robot",
            (await shown.Content.ReadFromJsonAsync<JsonNode>(Stop))!["client_name"]!.GetValue<string>()
        );
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync(Stop));
        Assert.Equal(HttpStatusCode.BadRequest, denied);
        Assert.Contains("invalid_redirect_uri", await bad.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
    }

    [Theory]
    [InlineData("password")]
    [InlineData("urn:ietf:params:oauth:grant-type:token-exchange")]
    public async Task A_registration_takes_no_grant_that_only_publishers_give_neither_at_once_nor_later(string grant)
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        await manager.AddUserAsync("dev", Roles.Subscriber);
        var initial = await manager.TokenAsync("dev", Roles.Subscriber);
        var wanted = new[] { "client_credentials", grant };

        using var refused = await manager.SendAsync(
            "POST",
            "/oauth2/register",
            new { client_name = "robot", grant_types = wanted },
            initial
        );
        using var left = await manager.SendAsync("GET", "/api/v1/applications", token: initial);
        using var registered = await manager.SendAsync(
            "POST",
            "/oauth2/register",
            new { client_name = "robot", grant_types = new[] { "client_credentials" } },
            initial
        );
        var made = (await registered.Content.ReadFromJsonAsync<JsonNode>(Stop))!;
        var (uri, own) = (
            new Uri(made["registration_client_uri"]!.GetValue<string>()).AbsolutePath,
            made["registration_access_token"]!.GetValue<string>()
        );
        using var widened = await manager.SendAsync(
            "PUT",
            uri,
            new
            {
                client_id = made["client_id"]!.GetValue<string>(),
                client_name = "robot",
                grant_types = wanted,
            },
            own
        );
        using var shown = await manager.SendAsync("GET", uri, token: own);

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(0, (await left.Content.ReadFromJsonAsync<JsonNode>(Stop))!["total"]!.GetValue<int>());
        Assert.Equal(HttpStatusCode.Created, registered.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, widened.StatusCode);
        Assert.Equal(
            ["client_credentials"],
            (await shown.Content.ReadFromJsonAsync<JsonNode>(Stop))!["grant_types"]!
                .AsArray()
                .Select(g => g!.GetValue<string>())
        );
    }

    [Fact]
    public async Task A_token_is_exchanged_for_one_of_another_client()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var client = await manager.AddClientAsync(s_codeClient);
        var backend = await manager.AddClientAsync(
            new { type = "oauth2", grants = new[] { "urn:ietf:params:oauth:grant-type:token-exchange" } },
            "backend"
        );
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);
        var (code, verifier) = await manager.AuthorizeAsync(client, cookie);
        var (_, tokens) = await manager.RedeemAsync(client, code, verifier);

        var (status, exchanged) = await manager.FormAsync(
            "/oauth2/token",
            backend,
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", tokens["access_token"]!.GetValue<string>()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
        );

        Assert.True(status == HttpStatusCode.OK, exchanged.ToJsonString());
        var claims = TestKeyManager.Claims(exchanged["access_token"]!.GetValue<string>());
        Assert.Equal(("bob", backend.Id), (claims["username"]!.GetValue<string>(), claims["azp"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Sixty_failures_from_one_address_make_it_wait_before_anything_is_looked_at()
    {
        // Failures count for a minute of the clock, so it stands still.
        await using var manager = await TestKeyManager.StartAsync(product, new FakeTimeProvider(DateTimeOffset.UtcNow));
        var client = await manager.AddClientAsync();
        var wrong = client with { Secret = "wrong" };
        HttpStatusCode last = default;
        for (var i = 0; i <= 60; i++)
        {
            (last, _) = await manager.FormAsync("/oauth2/token", wrong, ("grant_type", "client_credentials"));
        }

        var (right, _) = await manager.FormAsync("/oauth2/token", client, ("grant_type", "client_credentials"));

        Assert.Equal((HttpStatusCode.TooManyRequests, HttpStatusCode.TooManyRequests), (last, right));
    }

    private static async Task<string> ClientTokenAsync(TestKeyManager manager, TestClient client)
    {
        var (status, tokens) = await manager.FormAsync("/oauth2/token", client, ("grant_type", "client_credentials"));
        Assert.True(status == HttpStatusCode.OK, tokens.ToJsonString());
        return tokens["access_token"]!.GetValue<string>();
    }

    private static Task<(HttpStatusCode Status, JsonNode Body)> RefreshAsync(
        TestKeyManager manager,
        TestClient client,
        string token
    ) => manager.FormAsync("/oauth2/token", client, ("grant_type", "refresh_token"), ("refresh_token", token));

    private static async Task<HttpResponseMessage> SignInAsync(
        TestKeyManager manager,
        string back,
        string password = TestKeyManager.Password
    )
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            $"/oauth2/sign-in?return={Uri.EscapeDataString(back)}"
        )
        {
            Content = new FormUrlEncodedContent([new("user", "bob"), new("password", password)]),
        };
        return await manager.Http.SendAsync(request, Stop);
    }

    /// <summary>A worker's data plane, fed what the catalogue would send it.</summary>
    private sealed class Worker(TestKeyManager manager, TestGateway gateway, Backend backend) : IAsyncDisposable
    {
        public static async Task<Worker> StartAsync(TestKeyManager manager)
        {
            var worker = new Worker(manager, await TestGateway.StartAsync(), new());
            await worker.FeedAsync();
            return worker;
        }

        public async Task SubscribeAsync(TestClient client)
        {
            await manager.Catalogue.CommitAsync(
                new CatalogueTransaction(TestCatalogue.Tester, "subscribed").Put(
                    EntityKinds.Subscription,
                    Subscription.EntityName(client.Application, "petstore:1.0.0"),
                    new Subscription { Application = client.Application, Api = "petstore:1.0.0" },
                    ModelJson.Default.Subscription
                ),
                Stop
            );
            await FeedAsync();
        }

        public async Task FeedAsync()
        {
            var api = Entities.Petstore(backend.Url, "GET /pets") with { Security = ["oauth2"] };
            Assert.Empty(gateway.Apply([api.Put(), .. await manager.FeedAsync()], replace: true));
        }

        public async Task<HttpStatusCode> CallAsync(string token)
        {
            using var response = await gateway.SendAsync(
                HttpMethod.Get,
                "/petstore/1.0.0/pets",
                headers: ("Authorization", $"Bearer {token}")
            );
            return response.StatusCode;
        }

        public async ValueTask DisposeAsync()
        {
            await gateway.DisposeAsync();
            await backend.DisposeAsync();
        }
    }
}
