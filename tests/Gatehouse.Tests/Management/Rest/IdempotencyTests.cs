using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>A create that is sent again is done once.</summary>
public sealed class IdempotencyTests(IdempotencyTests.Manager manager) : IClassFixture<IdempotencyTests.Manager>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_same_request_with_the_same_key_is_done_once_and_answered_twice() =>
        await IsDoneOnceAsync(manager.Host, manager.Host);

    [Fact]
    public async Task Of_many_at_once_one_is_done() => await IsDoneOnceOfManyAsync(manager.Host, manager.Host);

    [Fact]
    public async Task It_is_so_on_PostgreSQL_too_and_another_manager_repeats_the_answer()
    {
        await using var host = await RestHost.StartAsync(on: Product.PostgreSql);
        await using var other = await host.BesideAsync();

        await IsDoneOnceAsync(host, other);
        await IsDoneOnceOfManyAsync(host, other);
    }

    [Fact]
    public async Task Another_request_with_that_key_is_refused()
    {
        var token = await manager.Host.TokenAsync("carl", Roles.Subscriber);
        await CreateAsync(manager.Host, token, "shop", "k-1");

        var (other, _) = await CreateAsync(manager.Host, token, "stall", "k-1");

        Assert.Equal(HttpStatusCode.UnprocessableEntity, other.StatusCode);
        Assert.Equal(1, await ApplicationsAsync(manager.Host, token));
    }

    [Fact]
    public async Task A_key_is_its_users_own()
    {
        var (doras, _) = await CreateAsync(manager.Host, await manager.Host.TokenAsync("dora"), "shop", "k-1");
        var (emils, _) = await CreateAsync(manager.Host, await manager.Host.TokenAsync("emil"), "stall", "k-1");

        Assert.Equal(HttpStatusCode.Created, doras.StatusCode);
        Assert.Equal(HttpStatusCode.Created, emils.StatusCode);
    }

    [Fact]
    public async Task What_failed_may_be_sent_again_with_its_key()
    {
        var token = await manager.Host.TokenAsync("fred");

        var (refused, _) = await CreateAsync(manager.Host, token, " ", "k-1");
        var (made, text) = await CreateAsync(manager.Host, token, "shop", "k-1");

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.True(made.StatusCode == HttpStatusCode.Created, text);
    }

    [Fact]
    public async Task What_was_committed_by_a_manager_that_ended_is_never_done_again()
    {
        var token = await manager.Host.TokenAsync("gina", Roles.Subscriber);
        await CreateAsync(manager.Host, token, "shop", "k-1");
        await using (var context = manager.Host.Catalogue.Database.Open())
        {
            // As its process left the row when it was killed between the commit and the answer.
            await context
                .IdempotencyKeys.Where(k => k.User == "gina")
                .ExecuteUpdateAsync(
                    set => set.SetProperty(k => k.Answer, (byte[]?)null).SetProperty(k => k.Status, 0),
                    Stop
                );
        }

        var (soon, _) = await CreateAsync(manager.Host, token, "shop", "k-1");
        manager.Time.Advance(IdempotencyStore.Lease + TimeSpan.FromSeconds(1));
        var (late, text) = await CreateAsync(manager.Host, token, "shop", "k-1");

        Assert.Equal(HttpStatusCode.Conflict, soon.StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, late.StatusCode);
        Assert.Contains("carried out", text);
        Assert.Equal(1, await ApplicationsAsync(manager.Host, token));
    }

    [Fact]
    public async Task A_key_is_forgotten_after_a_day()
    {
        var token = await manager.Host.TokenAsync("hugo");
        await CreateAsync(manager.Host, token, "shop", "k-1");

        await AgeAsync("hugo");
        var (other, text) = await CreateAsync(manager.Host, token, "stall", "k-1");

        Assert.True(other.StatusCode == HttpStatusCode.Created, text);
    }

    [Fact]
    public async Task A_secret_that_is_shown_once_is_repeated_and_lies_nowhere_in_clear()
    {
        var token = await manager.Host.TokenAsync("ines");
        await CreateAsync(manager.Host, token, "ines-shop", "k-1");

        var (first, made) = await SendAsync(manager.Host, token, "/api/v1/applications/ines-shop/keys", "{}", "k-2");
        var (_, again) = await SendAsync(manager.Host, token, "/api/v1/applications/ines-shop/keys", "{}", "k-2");

        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        Assert.Equal(made, again);
        var secret = Encoding.UTF8.GetBytes(JsonNode.Parse(made)!["secret"]!.GetValue<string>());
        await foreach (var (file, content) in manager.Host.Catalogue.FilesAsync())
        {
            Assert.True(content.AsSpan().IndexOf(secret) < 0, file);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Idempotency.LongestKey + 1)]
    public async Task A_key_that_is_none_is_refused(int length)
    {
        var (response, text) = await CreateAsync(
            manager.Host,
            await manager.Host.TokenAsync("jane"),
            "shop",
            $"\"{new string('a', length)}\""
        );

        Assert.True(response.StatusCode == HttpStatusCode.BadRequest, text);
    }

    [Fact]
    public async Task A_caller_that_hangs_up_finds_it_done()
    {
        using var gone = new CancellationTokenSource();
        var first = Request("kate", "shop", gone.Token);
        var again = Request("kate", "shop", Stop);

        // The connection breaks while the handler is at work, with the token that handlers are given.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            RunAsync(
                first,
                async http =>
                {
                    await gone.CancelAsync();
                    await MakeAsync(http, "shop");
                }
            )
        );
        await RunAsync(again, http => MakeAsync(http, "stall"));

        Assert.Equal("true", again.Response.Headers["Idempotency-Replayed"]);
        Assert.Equal(1, await ApplicationsAsync(manager.Host, await manager.Host.TokenAsync("kate", Roles.Subscriber)));
    }

    [Fact]
    public async Task A_manager_that_stood_still_for_too_long_commits_nothing_beside_the_one_that_took_over()
    {
        var late = Request("liam", "shop", Stop);
        var other = Request("liam", "shop", Stop);

        await Assert.ThrowsAsync<ConflictException>(() =>
            RunAsync(
                late,
                async http =>
                {
                    manager.Time.Advance(IdempotencyStore.Lease + TimeSpan.FromSeconds(1));
                    await RunAsync(other, h => MakeAsync(h, "shop"));
                    await MakeAsync(http, "shop-of-the-late");
                }
            )
        );

        Assert.Equal(201, other.Response.StatusCode);
        Assert.Equal(1, await ApplicationsAsync(manager.Host, await manager.Host.TokenAsync("liam", Roles.Subscriber)));
    }

    [Fact]
    public async Task What_is_too_old_goes_without_another_request()
    {
        await CreateAsync(manager.Host, await manager.Host.TokenAsync("mary"), "shop", "k-1");

        await AgeAsync("mary");
        await manager.Host.Catalogue.Catalogue.PurgeAsync(TimeSpan.FromDays(30), Stop);

        await using var context = manager.Host.Catalogue.Database.Open();
        Assert.False(await context.IdempotencyKeys.AnyAsync(k => k.User == "mary", Stop));
    }

    // The clock stays: a day of it is a day of all that a manager does now and then.
    private async Task AgeAsync(string user)
    {
        await using var context = manager.Host.Catalogue.Database.Open();
        var row = await context.IdempotencyKeys.SingleAsync(k => k.User == user, Stop);
        Assert.Equal(row.CreatedAt + IdempotencyStore.Life, row.ExpiresAt);
        row.ExpiresAt = manager.Time.GetUtcNow() - TimeSpan.FromSeconds(1);
        await context.SaveChangesAsync(Stop);
    }

    private static DefaultHttpContext Request(string user, string name, CancellationToken aborted)
    {
        var http = new DefaultHttpContext
        {
            RequestAborted = aborted,
            User = Caller.Principal(user, [Roles.Subscriber], "a-token", BearerAuthentication.Scheme),
        };
        http.Request.Method = "POST";
        http.Request.Path = "/api/v1/applications";
        http.Request.Headers["Idempotency-Key"] = "k-1";
        http.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(name));
        http.SetEndpoint(new(null, new(new IdempotentRoute()), "a create"));
        return http;
    }

    private Task RunAsync(DefaultHttpContext http, RequestDelegate handler) =>
        manager.Host.Get<Idempotency>().RunAsync(http, handler);

    private async Task MakeAsync(HttpContext http, string name)
    {
        await manager
            .Host.Get<Gatehouse.Management.Applications>()
            .CreateAsync(name, null, Caller.Of(http.User, "")!, http.RequestAborted);
        http.Response.StatusCode = StatusCodes.Status201Created;
    }

    private static async Task IsDoneOnceAsync(RestHost host, RestHost other)
    {
        var token = await host.TokenAsync("alma", Roles.Subscriber);

        var (first, made) = await CreateAsync(host, token, "shop", "k-1");
        var (again, same) = await CreateAsync(other, token, "shop", "k-1");

        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.Equal(made, same);
        Assert.Equal(first.Headers.Location, again.Headers.Location);
        Assert.False(first.Headers.Contains("Idempotency-Replayed"));
        Assert.True(again.Headers.Contains("Idempotency-Replayed"));
        Assert.Equal(1, await ApplicationsAsync(host, token));
    }

    private static async Task IsDoneOnceOfManyAsync(RestHost host, RestHost other)
    {
        var token = await host.TokenAsync("bert", Roles.Subscriber);

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(i => CreateAsync(i % 2 == 0 ? host : other, token, "shop", "k-1")).ToList()
        );

        Assert.Contains(answers, a => a.Response.StatusCode == HttpStatusCode.Created);
        Assert.All(
            answers,
            a => Assert.True(a.Response.StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict, a.Text)
        );
        Assert.Single(answers.Where(a => a.Response.IsSuccessStatusCode).Select(a => a.Text).Distinct());
        Assert.Equal(1, await ApplicationsAsync(host, token));
    }

    private static Task<(HttpResponseMessage Response, string Text)> CreateAsync(
        RestHost host,
        string token,
        string name,
        string key
    ) => SendAsync(host, token, "/api/v1/applications", new JsonObject { ["name"] = name }.ToJsonString(), key);

    private static Task<(HttpResponseMessage Response, string Text)> SendAsync(
        RestHost host,
        string token,
        string path,
        string body,
        string key
    ) => host.SendAsync("POST", path, token, RestHost.Json(JsonNode.Parse(body)), ("Idempotency-Key", key));

    private static async Task<int> ApplicationsAsync(RestHost host, string token)
    {
        var (_, text) = await host.SendAsync("GET", "/api/v1/applications", token);
        return JsonNode.Parse(text)!["total"]!.GetValue<int>();
    }

    /// <summary>One manager, each test with users of its own.</summary>
    public sealed class Manager : IAsyncLifetime
    {
        internal RestHost Host { get; private set; } = null!;

        internal FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

        /// <inheritdoc/>
        public async ValueTask InitializeAsync() => Host = await RestHost.StartAsync(Time);

        /// <inheritdoc/>
        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }
}
