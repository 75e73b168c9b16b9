using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Management;

namespace Gatehouse.Tests.KeyManager;

/// <summary>Signing in by an outside provider, which here is the key manager of another cluster.</summary>
public sealed class OutsideSignInTests
{
    private const string Start = "/api/v1/sign-in/oidc";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_comes_for_the_first_time_gets_an_account_and_is_the_same_one_later()
    {
        await using var both = await Both.StartAsync();

        var first = await both.EnterAsync($"{Start}?return=%2Fpublisher%2Fapis");
        var again = await both.EnterAsync($"{Start}?return=https%3A%2F%2Fevil.example%2F");
        var me = await both.MeAsync(first);
        using var users = await both.Ours.SendAsync("GET", "/api/v1/users", token: await both.Ours.TokenAsync());
        using var audit = await both.Ours.SendAsync("GET", "/api/v1/audit", token: await both.Ours.TokenAsync());

        Assert.Equal("/publisher/apis", first.Location);
        Assert.Equal("/publisher", again.Location);
        Assert.Equal("bob", me["user"]!.GetValue<string>());
        Assert.Equal(["publisher"], me["roles"]!.AsArray().Select(r => r!.GetValue<string>()));
        Assert.Equal(1, (await users.Content.ReadFromJsonAsync<JsonNode>(Stop))!["total"]!.GetValue<int>());
        var told = await audit.Content.ReadAsStringAsync(Stop);
        Assert.Contains("made user bob (publisher)", told, StringComparison.Ordinal);
        Assert.Contains("signed in by Staff", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_way_back_leads_nowhere_else()
    {
        await using var both = await Both.StartAsync();

        foreach (
            var back in (string[])
                ["//evil.example/x", "/\\evil.example", "https://evil.example", "/\r\nX:1", "evil.example", "/sign-out"]
        )
        {
            Assert.Equal(
                (back, "/publisher"),
                (back, (await both.EnterAsync($"{Start}?return={Uri.EscapeDataString(back)}")).Location)
            );
        }
    }

    [Fact]
    public async Task An_account_of_the_same_name_and_mail_is_somebody_elses()
    {
        await using var both = await Both.StartAsync();
        await both.Ours.AddUserAsync("bob", Roles.Admin);

        var refused = await both.EnterAsync(Start);

        Assert.Equal("/sign-in?provider=name-taken", refused.Location);
        Assert.Null(refused.Session);
    }

    [Fact]
    public async Task An_account_is_connected_by_who_is_signed_in_to_it_and_keeps_its_own_roles()
    {
        await using var both = await Both.StartAsync(createsUsers: false);
        var cookie = await both.Ours.AddUserAsync("carol", Roles.Operator);
        Assert.Equal("/sign-in?provider=no-account", (await both.EnterAsync(Start)).Location);

        using var forged = await both.AskAsync($"{Start}?connect=true", cookie, "cross-site");
        using var nobody = await both.AskAsync($"{Start}?connect=true", "", "same-origin");
        var connected = await both.EnterAsync($"{Start}?connect=true", cookie);
        var entered = await both.EnterAsync(Start);
        var me = await both.MeAsync(entered);
        var token = await both.Ours.TokenAsync();
        using var locked = await both.Ours.SendAsync("POST", "/api/v1/users/carol/lock", token: token);
        var refused = await both.EnterAsync(Start);

        Assert.Equal(HttpStatusCode.Forbidden, forged.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, nobody.StatusCode);
        Assert.Equal("/me?provider=connected", connected.Location);
        Assert.Equal("/admin", entered.Location);
        Assert.Equal("carol", me["user"]!.GetValue<string>());
        Assert.Equal(["operator"], me["roles"]!.AsArray().Select(r => r!.GetValue<string>()));
        Assert.Equal("/sign-in?provider=not-allowed", refused.Location);
    }

    [Fact]
    public async Task What_goes_wrong_on_the_way_is_told_on_the_page_and_signs_nobody_in()
    {
        await using var both = await Both.StartAsync();
        using var asked = await both.AskAsync(Start);
        var state = System.Web.HttpUtility.ParseQueryString(asked.Headers.Location!.Query)["state"]!;
        var callback = $"{Start}/callback?state={Uri.EscapeDataString(state)}";

        using var denied = await both.AskAsync($"{callback}&error=access_denied", Both.CookiesOf(asked));
        using var elsewhere = await both.AskAsync($"{callback}&code=abc");
        using var forged = await both.AskAsync($"{Start}/callback?state=abc&code=abc", Both.CookiesOf(asked));
        using var nothing = await both.AskAsync($"{Start}/callback");
        using var other = await both.AskAsync(Start);
        var otherState = System.Web.HttpUtility.ParseQueryString(other.Headers.Location!.Query)["state"]!;
        using var wrongCode = await both.AskAsync(
            $"{Start}/callback?state={Uri.EscapeDataString(otherState)}&code=abc",
            Both.CookiesOf(other)
        );

        Assert.Equal("/sign-in?provider=denied", $"{denied.Headers.Location}");
        Assert.Equal("/sign-in?provider=expired", $"{elsewhere.Headers.Location}");
        Assert.Equal("/sign-in?provider=expired", $"{forged.Headers.Location}");
        Assert.StartsWith("/sign-in?provider=", $"{nothing.Headers.Location}", StringComparison.Ordinal);
        Assert.Equal("/sign-in?provider=provider", $"{wrongCode.Headers.Location}");
        Assert.All(
            [denied, elsewhere, forged, nothing, wrongCode],
            r => Assert.DoesNotContain("__Host-gatehouse=", Both.CookiesOf(r), StringComparison.Ordinal)
        );
        foreach (var verdict in Enum.GetValues<OidcVerdict>().Except([OidcVerdict.Done, OidcVerdict.Connected]))
        {
            Assert.NotNull(OidcVerdicts.Tell(OidcVerdicts.Code(verdict), "Staff"));
        }
    }

    [Fact]
    public async Task A_provider_that_does_not_answer_or_takes_no_secret_is_said_to_be_so()
    {
        await using var wrong = await Both.StartAsync(secret: "another");
        Assert.Equal("/sign-in?provider=provider", (await wrong.EnterAsync(Start)).Location);

        await using var gone = await TestKeyManager.StartAsync(with: o =>
            o with
            {
                Oidc = new()
                {
                    Issuer = "https://127.0.0.1:1",
                    ClientId = "x",
                    Name = "Staff",
                },
            }
        );
        using var unreachable = await gone.SendAsync("GET", Start);
        await using var none = await TestKeyManager.StartAsync();
        using var off = await none.SendAsync("GET", Start);

        Assert.Equal("/sign-in?provider=provider", $"{unreachable.Headers.Location}");
        Assert.Equal(HttpStatusCode.NotFound, off.StatusCode);
    }

    [Theory]
    [InlineData("""{"roles":["staff","gateway"]}""", "roles", "publisher")]
    [InlineData("""{"roles":"gateway"}""", "roles", "publisher")]
    [InlineData("""{"realm_access":{"roles":["ops","boss"]}}""", "realm_access.roles", "admin operator")]
    [InlineData("""{"https://example.com/roles":["boss"]}""", "https://example.com/roles", "admin operator")]
    [InlineData("""{"realm_access":{"roles":{"boss":true}}}""", "realm_access.roles", "")]
    [InlineData("""{"realm_access":"boss"}""", "realm_access.roles", "")]
    [InlineData("""{"roles":[1,null,"nobody"]}""", "roles", "")]
    [InlineData("""{}""", "roles", "")]
    public void Roles_there_give_the_roles_here_that_are_named_for_them(string claims, string claim, string roles)
    {
        var provider = new OidcProvider
        {
            Issuer = "https://id.example",
            ClientId = "x",
            Name = "Staff",
            RoleClaim = claim,
            Roles = ImmutableSortedDictionary<string, string>
                .Empty.Add("gateway", "publisher")
                .Add("ops", "operator")
                .Add("boss", "admin operator"),
        };

        Assert.Equal(roles, string.Join(' ', provider.RolesOf(JsonElement.Parse(claims))));
        Assert.Contains(
            "subscriber",
            (provider with { Roles = provider.Roles.Add("*", "subscriber") }).RolesOf(JsonElement.Parse(claims))
        );
    }

    /// <summary>A cluster, another whose key manager is its provider, and bob, who has an account there.</summary>
    private sealed class Both(TestKeyManager theirs, TestKeyManager ours, TestClient client, string bob)
        : IAsyncDisposable
    {
        public TestKeyManager Ours => ours;

        public static async Task<Both> StartAsync(bool createsUsers = true, string? secret = null)
        {
            var theirs = await TestKeyManager.StartAsync(isIssuer: true);
            var bob = await theirs.AddUserAsync("bob", Roles.Subscriber);
            var place = TestKeyManager.Place();
            var client = await theirs.AddClientAsync(
                new
                {
                    type = "oauth2",
                    grants = new[] { "authorization_code" },
                    redirectUris = new[] { $"https://{place.LocalEndPoint}{Start}/callback" },
                }
            );
            var ours = await TestKeyManager.StartAsync(
                place: place,
                with: o =>
                    o with
                    {
                        Oidc = new()
                        {
                            Issuer = theirs.Address.AbsoluteUri,
                            ClientId = client.Id,
                            ClientSecret = () => secret ?? client.Secret,
                            Name = "Staff",
                            RoleClaim = "preferred_username",
                            Roles = ImmutableSortedDictionary<string, string>.Empty.Add("bob", Roles.Publisher),
                            CreatesUsers = createsUsers,
                            Authorities = theirs.Authority,
                        },
                    }
            );
            return new(theirs, ours, client, bob);
        }

        /// <summary>What a browser does from the button on, with bob signed in at the provider.</summary>
        public async Task<(string Location, string? Session)> EnterAsync(string start, string cookie = "")
        {
            using var asked = await AskAsync(start, cookie, "same-origin");
            Assert.StartsWith(theirs.Address.AbsoluteUri, $"{asked.Headers.Location}", StringComparison.Ordinal);
            using var authorized = await theirs.SendAsync("GET", asked.Headers.Location!.PathAndQuery, cookie: bob);
            var back = authorized.Headers.Location;
            if (authorized.StatusCode == HttpStatusCode.OK)
            {
                using var agreed = await theirs.DecideAsync(
                    await authorized.Content.ReadAsStringAsync(Stop),
                    "yes",
                    bob
                );
                back = agreed.Headers.Location;
            }

            Assert.StartsWith($"{ours.Address}api/v1/sign-in/oidc/callback", $"{back}", StringComparison.Ordinal);
            Assert.Contains(client.Id, asked.Headers.Location.Query, StringComparison.Ordinal);
            using var entered = await AskAsync(
                back!.PathAndQuery,
                $"{CookiesOf(asked)}{(cookie.Length > 0 ? "; " : "")}{cookie}",
                "cross-site"
            );
            var session = CookiesOf(entered)
                .Split("; ")
                .FirstOrDefault(c => c.StartsWith("__Host-gatehouse=", StringComparison.Ordinal));
            return ($"{entered.Headers.Location}", session);
        }

        public Task<HttpResponseMessage> AskAsync(string path, string cookie = "", string site = "none")
        {
            var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (cookie.Length > 0)
            {
                request.Headers.Add("Cookie", cookie);
            }

            request.Headers.Add("Sec-Fetch-Site", site);
            return ours.Http.SendAsync(request, Stop);
        }

        public async Task<JsonNode> MeAsync((string Location, string? Session) entered)
        {
            using var me = await ours.SendAsync("GET", "/api/v1/me", cookie: entered.Session);
            return (await me.Content.ReadFromJsonAsync<JsonNode>(Stop))!;
        }

        public static string CookiesOf(HttpResponseMessage response) =>
            response.Headers.TryGetValues("Set-Cookie", out var cookies)
                ? string.Join("; ", cookies.Select(c => c.Split(';')[0]))
                : "";

        public async ValueTask DisposeAsync()
        {
            await ours.DisposeAsync();
            await theirs.DisposeAsync();
        }
    }
}
