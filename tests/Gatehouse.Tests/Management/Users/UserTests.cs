using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Gatehouse.Management;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management.Users;

public abstract class UserTests(Product product)
{
    public sealed class OnSqlite() : UserTests(Product.Sqlite);

    public sealed class OnPostgreSql() : UserTests(Product.PostgreSql);

    private const string Password = "seven quiet otters";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_first_sign_in_link_makes_the_first_administrator_and_works_once()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var code = await CodeAsync(management);
        Assert.True((await OptionsAsync(management)).SetUpNeeded);

        var browser = await Browser.SetUpAsync(management, "ann", Password, code);
        var me = await browser.ReadAsync(management, "/api/v1/me", UserJson.Default.MeView);
        using var again = await management.SendAsync("POST", "/api/v1/set-up", json: SetUp(code, "eve"));

        Assert.Equal("ann", me.User);
        Assert.Equal([Roles.Admin], me.Roles);
        Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);
        Assert.False((await OptionsAsync(management)).SetUpNeeded);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("aaaaaaaaaaaaaaaaaaaa")]
    [InlineData("password1234")]
    [InlineData("annannannann")]
    public async Task A_password_that_is_tried_first_is_refused_and_does_not_spend_the_link(string password)
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var code = await CodeAsync(management);

        using var refused = await management.SendAsync("POST", "/api/v1/set-up", json: SetUp(code, "ann", password));
        await Browser.SetUpAsync(management, "ann", Password, code);

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal("/password", (await TestManagement.ProblemAsync(refused)).Errors!.Value.Single().Pointer);
    }

    [Fact]
    public async Task The_cookie_is_kept_from_scripts_from_plain_http_and_from_other_sites()
    {
        await using var management = await TestManagement.StartAsync(on: product);

        var browser = await Browser.SetUpAsync(management, "ann", Password, await CodeAsync(management));

        Assert.StartsWith("__Host-gatehouse=", browser.SetCookie, StringComparison.Ordinal);
        foreach (var attribute in new[] { "secure", "httponly", "samesite=lax", "path=/" })
        {
            Assert.Contains(attribute, browser.SetCookie, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain("domain=", browser.SetCookie, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    public async Task A_change_that_another_site_makes_the_browser_send_is_refused(string header, string value)
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var browser = await Browser.SetUpAsync(management, "ann", Password, await CodeAsync(management));

        using var forged = await browser.SendAsync(
            management,
            "POST",
            "/api/v1/applications",
            "{\"name\":\"mine\"}",
            (header, value)
        );
        using var own = await browser.SendAsync(
            management,
            "POST",
            "/api/v1/applications",
            "{\"name\":\"mine\"}",
            ("Sec-Fetch-Site", "same-origin")
        );

        Assert.Equal(HttpStatusCode.Forbidden, forged.StatusCode);
        Assert.Equal(HttpStatusCode.Created, own.StatusCode);
    }

    [Fact]
    public async Task An_invited_user_sets_a_password_with_the_link_and_has_the_roles_they_were_given()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var link = await InviteAsync(management, "bob", Roles.Publisher);

        using var before = await SignInAsync(management, "bob", Password);
        using var set = await management.SendAsync(
            "POST",
            "/api/v1/links",
            json: Json(new { code = link.Code, password = Password })
        );
        using var twice = await management.SendAsync(
            "POST",
            "/api/v1/links",
            json: Json(new { code = link.Code, password = Password + "2" })
        );
        var browser = await Browser.SignInAsync(management, "bob", Password);
        using var audit = await browser.SendAsync(management, "GET", "/api/v1/audit");
        using var apis = await browser.SendAsync(management, "GET", "/api/v1/apis");

        Assert.Equal(HttpStatusCode.Unauthorized, before.StatusCode);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, twice.StatusCode);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.OK), (audit.StatusCode, apis.StatusCode));
    }

    [Fact]
    public async Task Locking_ends_sessions_and_tokens_at_once_and_unlocking_brings_the_tokens_back()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await AddAsync(management, "bob", Roles.Publisher);
        var browser = await Browser.SignInAsync(management, "bob", Password);
        using var made = await browser.SendAsync(management, "POST", "/api/v1/me/tokens", "{}");
        var token = (await made.Content.ReadFromJsonAsync(ManagementJson.Default.IssuedToken, Stop))!.Token;
        var admin = await management.TokenAsync();
        using var works = await management.SendAsync("GET", "/api/v1/apis", token);

        using var locked = await management.SendAsync("POST", "/api/v1/users/bob/lock", admin);
        using var session = await browser.SendAsync(management, "GET", "/api/v1/me");
        using var bearer = await management.SendAsync("GET", "/api/v1/apis", token);
        using var signIn = await SignInAsync(management, "bob", Password);
        using var unlocked = await management.SendAsync("POST", "/api/v1/users/bob/unlock", admin);
        using var after = await management.SendAsync("GET", "/api/v1/apis", token);

        Assert.Equal(HttpStatusCode.OK, works.StatusCode);
        Assert.Equal(HttpStatusCode.OK, locked.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, session.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, bearer.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, signIn.StatusCode);
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
    }

    [Fact]
    public async Task Roles_that_are_taken_away_count_from_the_next_request_on_for_sessions_and_tokens()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await AddAsync(management, "bob", Roles.Publisher, Roles.Auditor);
        var browser = await Browser.SignInAsync(management, "bob", Password);
        using var made = await browser.SendAsync(management, "POST", "/api/v1/me/tokens", "{}");
        var token = (await made.Content.ReadFromJsonAsync(ManagementJson.Default.IssuedToken, Stop))!.Token;
        using var before = await browser.SendAsync(management, "GET", "/api/v1/audit");

        using var set = await management.SendAsync(
            "PUT",
            "/api/v1/users/bob/roles",
            await management.TokenAsync(),
            "{\"roles\":[\"subscriber\"]}"
        );
        using var session = await browser.SendAsync(management, "GET", "/api/v1/audit");
        using var bearer = await management.SendAsync("GET", "/api/v1/audit", token);

        Assert.Equal(HttpStatusCode.OK, before.StatusCode);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (session.StatusCode, bearer.StatusCode));
    }

    [Theory]
    [InlineData("POST", "/api/v1/users/ann/lock", "")]
    [InlineData("DELETE", "/api/v1/users/ann", "")]
    [InlineData("PUT", "/api/v1/users/ann/roles", "{\"roles\":[\"auditor\"]}")]
    public async Task The_last_administrator_stays(string method, string path, string body)
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var browser = await Browser.SetUpAsync(management, "ann", Password, await CodeAsync(management));

        using var alone = await browser.SendAsync(management, method, path, body);
        await AddAsync(management, "bob", Roles.Admin);
        using var second = await browser.SendAsync(management, method, path, body);

        Assert.Equal(HttpStatusCode.Conflict, alone.StatusCode);
        Assert.True(second.IsSuccessStatusCode, $"{second.StatusCode}");
    }

    [Fact]
    public async Task Ten_wrong_passwords_lock_the_account_out_and_an_administrator_lets_it_in()
    {
        await using var management = await TestManagement.StartAsync(
            new FakeTimeProvider(DateTimeOffset.UtcNow),
            on: product
        );
        await AddAsync(management, "bob", Roles.Subscriber);
        var time = (FakeTimeProvider)management.Catalogue.Time;
        for (var i = 0; i < 10; i++)
        {
            // Past the limit of the remote, which would turn it away sooner.
            time.Advance(TimeSpan.FromSeconds(61));
            using var wrong = await SignInAsync(management, "bob", "not this one at all");
        }

        time.Advance(TimeSpan.FromSeconds(61));
        using var out1 = await SignInAsync(management, "bob", Password);
        using var unlock = await management.SendAsync(
            "POST",
            "/api/v1/users/bob/unlock",
            await management.TokenAsync()
        );
        time.Advance(TimeSpan.FromSeconds(61));
        using var into = await SignInAsync(management, "bob", Password);

        Assert.Equal(HttpStatusCode.TooManyRequests, out1.StatusCode);
        Assert.Equal(HttpStatusCode.OK, into.StatusCode);
    }

    [Fact]
    public async Task A_remote_that_fails_ten_times_waits_before_anything_is_hashed()
    {
        await using var management = await TestManagement.StartAsync(
            new FakeTimeProvider(DateTimeOffset.UtcNow),
            on: product
        );
        for (var i = 0; i < 10; i++)
        {
            using var wrong = await SignInAsync(management, $"nobody{i}", "not this one at all");
            Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        }

        using var waits = await SignInAsync(management, "nobody", "not this one at all");

        Assert.Equal(HttpStatusCode.TooManyRequests, waits.StatusCode);
        Assert.NotNull(waits.Headers.RetryAfter);
    }

    [Fact]
    public async Task With_an_authenticator_the_password_alone_signs_nobody_in_and_no_code_works_twice()
    {
        await using var management = await TestManagement.StartAsync(
            new FakeTimeProvider(DateTimeOffset.UtcNow),
            on: product
        );
        var time = (FakeTimeProvider)management.Catalogue.Time;
        await AddAsync(management, "bob", Roles.Subscriber);
        var browser = await Browser.SignInAsync(management, "bob", Password);
        using var begun = await browser.SendAsync(
            management,
            "POST",
            "/api/v1/me/authenticator",
            Json(new { password = Password })
        );
        var key = (await begun.Content.ReadFromJsonAsync(UserJson.Default.AuthenticatorKey, Stop))!;
        using var confirmed = await browser.SendAsync(
            management,
            "POST",
            "/api/v1/me/authenticator/confirmation",
            Json(new { code = CodeNow(key.Key, time) })
        );
        var recovery = (await confirmed.Content.ReadFromJsonAsync(UserJson.Default.RecoveryCodes, Stop))!;
        time.Advance(TimeSpan.FromSeconds(30));
        var ticket = await TicketAsync(management);
        var code = CodeNow(key.Key, time);

        using var right = await OneTimeAsync(management, ticket, code);
        using var replayed = await OneTimeAsync(management, await TicketAsync(management), code);
        using var rescued = await OneTimeAsync(management, await TicketAsync(management), recovery.Codes[0]);
        using var rescuedTwice = await OneTimeAsync(management, await TicketAsync(management), recovery.Codes[0]);

        Assert.Contains($"secret={key.Key}", key.Uri, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.True(right.Headers.Contains("Set-Cookie"));
        Assert.Equal(HttpStatusCode.Unauthorized, replayed.StatusCode);
        Assert.Equal(HttpStatusCode.OK, rescued.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, rescuedTwice.StatusCode);
    }

    [Fact]
    public async Task Neither_a_password_nor_an_authenticators_key_nor_a_cookies_key_lies_readable_in_the_database()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await AddAsync(management, "bob", Roles.Subscriber);
        var browser = await Browser.SignInAsync(management, "bob", Password);
        using var begun = await browser.SendAsync(
            management,
            "POST",
            "/api/v1/me/authenticator",
            Json(new { password = Password })
        );
        var key = (await begun.Content.ReadFromJsonAsync(UserJson.Default.AuthenticatorKey, Stop))!;

        var bytes = "";
        await foreach (var (_, content) in management.Catalogue.FilesAsync())
        {
            bytes += Encoding.Latin1.GetString(content);
        }

        Assert.Contains("bob", bytes, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, bytes, StringComparison.Ordinal);
        Assert.DoesNotContain(key.Key, bytes, StringComparison.Ordinal);
        Assert.DoesNotContain("<masterKey", bytes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sessions_are_listed_end_by_themselves_when_idle_and_can_be_ended()
    {
        await using var management = await TestManagement.StartAsync(
            new FakeTimeProvider(DateTimeOffset.UtcNow),
            on: product
        );
        var time = (FakeTimeProvider)management.Catalogue.Time;
        await AddAsync(management, "bob", Roles.Subscriber);
        var one = await Browser.SignInAsync(management, "bob", Password);
        var two = await Browser.SignInAsync(management, "bob", Password);

        var listed = await one.ReadAsync(management, "/api/v1/me/sessions", UserJson.Default.PageSessionView);
        var other = (
            await two.ReadAsync(management, "/api/v1/me/sessions", UserJson.Default.PageSessionView)
        ).Items.Single(s => s.Current);
        using var ended = await one.SendAsync(management, "DELETE", $"/api/v1/me/sessions/{other.Id}");
        using var gone = await two.SendAsync(management, "GET", "/api/v1/me");
        time.Advance(Sessions.Idle - TimeSpan.FromSeconds(1));
        using var used = await one.SendAsync(management, "GET", "/api/v1/me");
        time.Advance(Sessions.Idle - TimeSpan.FromSeconds(1));
        using var still = await one.SendAsync(management, "GET", "/api/v1/me");
        time.Advance(Sessions.Idle);
        using var idle = await one.SendAsync(management, "GET", "/api/v1/me");

        // With the one that the invitation's link began.
        Assert.Equal(3, listed.Total);
        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.Unauthorized), (ended.StatusCode, gone.StatusCode));
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (used.StatusCode, still.StatusCode));
        Assert.Equal(HttpStatusCode.Unauthorized, idle.StatusCode);
    }

    [Fact]
    public async Task Signing_up_follows_the_settings_and_waits_for_approval_when_they_say_so()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var admin = await management.TokenAsync();
        var wish = Json(
            new
            {
                user = "dev",
                password = Password,
                email = "dev@example.com",
            }
        );

        using var off = await management.SendAsync("POST", "/api/v1/sign-up", json: wish);
        using var set = await management.SendAsync(
            "PUT",
            "/api/v1/account-settings",
            admin,
            "{\"signUp\":\"approval\"}"
        );
        using var asked = await management.SendAsync("POST", "/api/v1/sign-up", json: wish);
        using var early = await SignInAsync(management, "dev", Password);
        using var approved = await management.SendAsync("POST", "/api/v1/users/dev/unlock", admin);
        var me = await (await Browser.SignInAsync(management, "dev", Password)).ReadAsync(
            management,
            "/api/v1/me",
            UserJson.Default.MeView
        );
        using var taken = await management.SendAsync(
            "POST",
            "/api/v1/sign-up",
            json: Json(new { user = "admin", password = Password })
        );

        Assert.Equal(HttpStatusCode.Forbidden, off.StatusCode);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        Assert.Contains("awaits-approval", await asked.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        Assert.False(asked.Headers.Contains("Set-Cookie"));
        Assert.Equal(HttpStatusCode.Forbidden, early.StatusCode);
        Assert.Equal([Roles.Subscriber], me.Roles);
        Assert.Equal(HttpStatusCode.Conflict, taken.StatusCode);
    }

    [Fact]
    public async Task A_user_who_owns_applications_is_not_deleted_and_one_who_does_not_leaves_no_token_behind()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await AddAsync(management, "bob", Roles.Subscriber);
        var admin = await management.TokenAsync();
        var browser = await Browser.SignInAsync(management, "bob", Password);
        using var made = await browser.SendAsync(management, "POST", "/api/v1/me/tokens", "{}");
        var token = (await made.Content.ReadFromJsonAsync(ManagementJson.Default.IssuedToken, Stop))!.Token;
        using var app = await browser.SendAsync(management, "POST", "/api/v1/applications", "{\"name\":\"mine\"}");

        using var refused = await management.SendAsync("DELETE", "/api/v1/users/bob", admin);
        using var freed = await browser.SendAsync(management, "DELETE", "/api/v1/applications/mine");
        using var deleted = await management.SendAsync("DELETE", "/api/v1/users/bob", admin);
        using var after = await management.SendAsync("GET", "/api/v1/apis", token);

        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Contains("mine", (await TestManagement.ProblemAsync(refused)).Title, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);
    }

    [Fact]
    public async Task A_token_reaches_no_further_than_what_made_it()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await AddAsync(management, "bob", Roles.Subscriber);
        var browser = await Browser.SignInAsync(management, "bob", Password);

        using var further = await browser.SendAsync(management, "POST", "/api/v1/me/tokens", "{\"roles\":[\"admin\"]}");

        Assert.Equal(HttpStatusCode.Conflict, further.StatusCode);
    }

    internal static async Task<UserLink> InviteAsync(TestManagement management, string name, params string[] roles)
    {
        using var invited = await management.SendAsync(
            "POST",
            "/api/v1/users",
            await management.TokenAsync(),
            Json(new { name, roles })
        );
        Assert.Equal(HttpStatusCode.Created, invited.StatusCode);
        return (await invited.Content.ReadFromJsonAsync(UserJson.Default.UserLink, Stop))!;
    }

    internal static async Task AddAsync(TestManagement management, string name, params string[] roles)
    {
        var link = await InviteAsync(management, name, roles);
        using var set = await management.SendAsync(
            "POST",
            "/api/v1/links",
            json: Json(new { code = link.Code, password = Password })
        );
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
    }

    private static async Task<string> CodeAsync(TestManagement management) =>
        await management.Get<AccessTokens>().CreateSignInCodeAsync("admin", Roles.Admin, TestCatalogue.Tester, Stop);

    private static async Task<SignInOptions> OptionsAsync(TestManagement management) =>
        (await management.Client.GetFromJsonAsync("/api/v1/sign-in", UserJson.Default.SignInOptions, Stop))!;

    private static Task<HttpResponseMessage> SignInAsync(TestManagement management, string user, string password) =>
        management.SendAsync("POST", "/api/v1/sign-in", json: Json(new { user, password }));

    private static Task<HttpResponseMessage> OneTimeAsync(TestManagement management, string ticket, string code) =>
        management.SendAsync("POST", "/api/v1/sign-in/one-time-code", json: Json(new { ticket, code }));

    private static async Task<string> TicketAsync(TestManagement management)
    {
        using var answer = await SignInAsync(management, "bob", Password);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        return (await answer.Content.ReadFromJsonAsync(UserJson.Default.SignInProgress, Stop))!.Ticket!;
    }

    private static string CodeNow(string key, TimeProvider time) =>
        OneTimeCode.CodeAt(key, time.GetUtcNow().ToUnixTimeSeconds() / 30);

    private static string SetUp(string code, string user, string password = Password) =>
        Json(
            new
            {
                code,
                user,
                password,
            }
        );

    private static string Json(object value) => JsonSerializer.Serialize(value);
}

/// <summary>A browser that keeps one cookie; over plain http a real one would not send it.</summary>
internal sealed class Browser
{
    private Browser(string setCookie) => SetCookie = setCookie;

    public string SetCookie { get; }

    public string Cookie => SetCookie.Split(';')[0];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static Task<Browser> SetUpAsync(TestManagement management, string user, string password, string code) =>
        PostAsync(
            management,
            "/api/v1/set-up",
            new
            {
                code,
                user,
                password,
            }
        );

    public static Task<Browser> SignInAsync(TestManagement management, string user, string password) =>
        PostAsync(management, "/api/v1/sign-in", new { user, password });

    public async Task<HttpResponseMessage> SendAsync(
        TestManagement management,
        string method,
        string path,
        string? json = null,
        (string Name, string Value)? header = null
    )
    {
        using var request = new HttpRequestMessage(new(method), path);
        request.Headers.Add("Cookie", Cookie);
        if (!string.IsNullOrEmpty(json))
        {
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        }

        if (header is { } own)
        {
            request.Headers.TryAddWithoutValidation(own.Name, own.Value);
        }

        return await management.Client.SendAsync(request, Stop);
    }

    public async Task<T> ReadAsync<T>(
        TestManagement management,
        string path,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type
    )
    {
        using var response = await SendAsync(management, "GET", path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(type, Stop))!;
    }

    private static async Task<Browser> PostAsync(TestManagement management, string path, object body)
    {
        using var response = await management.SendAsync("POST", path, json: JsonSerializer.Serialize(body));
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Stop));
        return new(response.Headers.GetValues("Set-Cookie").Single());
    }
}
