using System.Net;
using System.Net.Http.Json;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

public abstract class SignInTests(Product product)
{
    public sealed class OnSqlite() : SignInTests(Product.Sqlite);

    public sealed class OnPostgreSql() : SignInTests(Product.PostgreSql);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_code_becomes_a_token_once()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var code = await CodeAsync(management);

        using var first = await SignInAsync(management, code);
        using var second = await SignInAsync(management, code);

        var token = await first.Content.ReadFromJsonAsync(ManagementJson.Default.IssuedToken, Stop);
        Assert.Matches("^gha_[0-9A-Za-z]{43}$", token!.Token);
        Assert.Equal(HttpStatusCode.Unauthorized, second.StatusCode);
        using var who = await management.SendAsync("GET", "/api/v1/whoami", token.Token);
        var me = await who.Content.ReadFromJsonAsync(ManagementJson.Default.WhoAmI, Stop);
        Assert.Equal(("ann", Roles.Admin), (me!.User, me.Role));
    }

    [Fact]
    public async Task Many_who_show_one_code_at_once_get_one_token()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var tokens = new AccessTokens(test.Catalogue);
        var code = await tokens.CreateSignInCodeAsync("ann", Roles.Admin, TestCatalogue.Tester, Stop);

        var issued = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => tokens.RedeemAsync(code, "", Stop), Stop))
        );

        Assert.Single(issued, t => t is not null);
    }

    [Fact]
    public async Task A_code_ends_after_a_quarter_of_an_hour()
    {
        await using var management = await TestManagement.StartAsync(_time, on: product);
        var code = await CodeAsync(management);
        _time.Advance(AccessTokens.CodeLife);

        using var response = await SignInAsync(management, code);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3601)]
    [InlineData(-1)]
    public async Task A_trace_grant_lives_at_most_an_hour(int seconds)
    {
        await using var management = await TestManagement.StartAsync(_time, on: product);

        using var response = await management.SendAsync(
            "POST",
            "/api/v1/trace-grants",
            await management.TokenAsync(),
            $$"""{"seconds":{{seconds}}}"""
        );

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = await TestManagement.ProblemAsync(response);
        Assert.Contains("1 to 3600 seconds", problem.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trace_grant_is_known_to_whoever_holds_the_catalogue_keys_public_half_and_stands_in_the_audit()
    {
        await using var management = await TestManagement.StartAsync(_time, on: product);
        using var response = await management.SendAsync(
            "POST",
            "/api/v1/trace-grants",
            await management.TokenAsync(Roles.Operator),
            "{}"
        );

        var grant = await response.Content.ReadFromJsonAsync(ManagementJson.Default.IssuedTraceGrant, Stop);
        using var verifier = new CatalogueVerifier(management.Catalogue.Key.PublicHalf.Span);
        Assert.Equal(_time.GetUtcNow().AddMinutes(15), TraceGrant.EndOf(grant!.Grant, verifier));
        Assert.True(response.Headers.CacheControl?.NoStore);
        using var audit = await management.SendAsync("GET", "/api/v1/audit", await management.TokenAsync());
        var text = await audit.Content.ReadAsStringAsync(Stop);
        Assert.Contains("made a trace grant for ann until", text, StringComparison.Ordinal);
        Assert.DoesNotContain(grant.Grant, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_sign_in_stands_in_the_audit_and_a_flood_of_them_does_not_fill_it()
    {
        await using var management = await TestManagement.StartAsync(_time, on: product);
        for (var i = 0; i < 30; i++)
        {
            using var response = await SignInAsync(management, $"ghs_{i}");
            Assert.False(response.IsSuccessStatusCode);
        }

        using var audit = await management.SendAsync("GET", "/api/v1/audit", await management.TokenAsync());
        var page = await audit.Content.ReadFromJsonAsync(ManagementJson.Default.AuditPage, Stop);
        var failures = page!
            .Entries.Where(e => e.Summary.StartsWith("a sign-in failed", StringComparison.Ordinal))
            .ToList();
        Assert.Equal(2, failures.Count);
        Assert.All(failures, f => Assert.Equal(("nobody", "127.0.0.1"), (f.Actor, f.From)));
    }

    [Fact]
    public async Task A_token_ends_after_thirty_days()
    {
        await using var management = await TestManagement.StartAsync(_time, on: product);
        var token = await management.TokenAsync();
        using var before = await management.SendAsync("GET", "/api/v1/whoami", token);
        // Not Advance: what a manager does several times a second would be done for each of thirty days.
        _time.AdjustTime(_time.GetUtcNow() + AccessTokens.TokenLife);

        using var after = await management.SendAsync("GET", "/api/v1/whoami", token);

        Assert.Equal(HttpStatusCode.OK, before.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);
    }

    [Fact]
    public async Task Who_signs_out_is_out()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var token = await management.TokenAsync();

        using var bye = await management.SendAsync("POST", "/api/v1/logout", token);
        using var after = await management.SendAsync("GET", "/api/v1/whoami", token);

        Assert.Equal(HttpStatusCode.NoContent, bye.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);
    }

    [Fact]
    public async Task Guessing_ends_after_ten_failures_even_with_the_right_code_and_goes_on_a_minute_later()
    {
        await using var management = await TestManagement.StartAsync(_time, on: product);
        var code = await CodeAsync(management);
        for (var i = 0; i < 10; i++)
        {
            using var guess = await SignInAsync(management, "ghs_" + new string('a', 43));
            Assert.Equal(HttpStatusCode.Unauthorized, guess.StatusCode);
        }

        using var blocked = await SignInAsync(management, code);
        Assert.Equal(HttpStatusCode.TooManyRequests, blocked.StatusCode);
        Assert.Equal("60", blocked.Headers.RetryAfter?.ToString());

        _time.Advance(TimeSpan.FromMinutes(1));
        using var later = await SignInAsync(management, code);
        Assert.Equal(HttpStatusCode.OK, later.StatusCode);
    }

    [Fact]
    public void Many_addresses_together_are_limited_too_and_memory_stays_bounded()
    {
        var limit = new AttemptLimit(_time, perRemote: 10, inAll: 100, TimeSpan.FromMinutes(1));
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(TimeSpan.Zero, limit.WaitFor($"10.0.0.{i}"));
            limit.Failed($"10.0.0.{i}");
        }

        Assert.True(limit.WaitFor("10.9.9.9") > TimeSpan.Zero);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(TimeSpan.Zero, limit.WaitFor("10.9.9.9"));
    }

    [Fact]
    public async Task There_is_no_way_in_before_the_first_code()
    {
        await using var management = await TestManagement.StartAsync(on: product);

        foreach (var body in new[] { "{\"code\":\"admin\"}", "{\"code\":\"\"}" })
        {
            using var response = await management.SendAsync("POST", "/api/v1/login", json: body);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
    }

    [Fact]
    public async Task Neither_code_nor_token_lies_in_the_catalogue_or_the_audit()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var tokens = new AccessTokens(test.Catalogue);
        var code = await tokens.CreateSignInCodeAsync("ann", Roles.Admin, TestCatalogue.Tester, Stop);
        var token = (await tokens.RedeemAsync(code, "", Stop))!.Token;

        await foreach (var (_, bytes) in test.FilesAsync())
        {
            var content = System.Text.Encoding.Latin1.GetString(bytes);
            Assert.DoesNotContain(code, content, StringComparison.Ordinal);
            Assert.DoesNotContain(token, content, StringComparison.Ordinal);
        }
    }

    private static Task<string> CodeAsync(TestManagement management) =>
        management.Get<AccessTokens>().CreateSignInCodeAsync("ann", Roles.Admin, TestCatalogue.Tester, Stop);

    private static Task<HttpResponseMessage> SignInAsync(TestManagement management, string code) =>
        management.SendAsync("POST", "/api/v1/login", json: $"{{\"code\":\"{code}\"}}");
}
