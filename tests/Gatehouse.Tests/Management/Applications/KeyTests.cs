using System.Net;
using System.Text;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management.Consumers;

public abstract class KeyTests(Product product)
{
    public sealed class OnSqlite() : KeyTests(Product.Sqlite);

    public sealed class OnPostgreSql() : KeyTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_is_shown_once_and_kept_as_its_hash()
    {
        await using var manager = await WithApplicationAsync();

        var made = await CreateAsync(manager, """{"sandbox":true,"expiresInSeconds":3600}""");

        Assert.StartsWith("gwk_", made.Secret, StringComparison.Ordinal);
        Assert.True(KeySecret.IsWellFormed(made.Secret!));
        var kept = await FindAsync(manager, made.Key.Id);
        Assert.Equal(Digest.Of(Encoding.UTF8.GetBytes(made.Secret!)), kept!.Value.Hash);
        Assert.True(kept.Value.Sandbox);
        Assert.Equal(made.Secret![^4..], kept.Value.LastFour);
        Assert.NotNull(kept.ExpiresAt);
        using var list = await manager.SendAsync(HttpMethod.Get, "applications/MyApp/keys");
        var text = await list.Content.ReadAsStringAsync(Stop);
        Assert.Contains(made.Key.Id, text, StringComparison.Ordinal);
        Assert.DoesNotContain(made.Secret, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revoking_a_key_deletes_it_and_says_so_in_one_transaction()
    {
        await using var manager = await WithApplicationAsync();
        var made = await CreateAsync(manager);
        var before = await manager.Catalogue.ReadHeadAsync(Stop);

        using var revoked = await manager.SendAsync(HttpMethod.Delete, $"keys/{made.Key.Id}");

        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        Assert.Null(await FindAsync(manager, made.Key.Id));
        Assert.NotNull(await RevocationAsync(manager, Revocation.OfKey(made.Key.Id)));
        var feed = new CatalogueFeed(manager.Catalogue);
        var transaction = Assert.Single(await feed.ReadAfterAsync(before.Epoch, TestCatalogue.AllKinds, 100, Stop));
        Assert.Equal([EntityKinds.Key, EntityKinds.Revocation], transaction.Changes.Select(c => c.Kind).Order());
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Delete, $"keys/{made.Key.Id}");
    }

    [Fact]
    public async Task A_rolled_key_lives_on_for_the_overlap_and_no_longer()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var manager = await WithApplicationAsync(time);
        var old = await CreateAsync(manager);

        var made = await manager.AskAsync<CreatedKey>(
            HttpMethod.Post,
            $"keys/{old.Key.Id}/roll",
            """{"overlapSeconds":60}""",
            HttpStatusCode.Created
        );

        Assert.NotEqual(old.Secret, made.Secret);
        Assert.NotNull(await FindAsync(manager, old.Key.Id));
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Null(await FindAsync(manager, old.Key.Id));
        Assert.NotNull(await FindAsync(manager, made.Key.Id));
    }

    [Fact]
    public async Task A_key_rolled_without_overlap_is_revoked()
    {
        await using var manager = await WithApplicationAsync();
        var old = await CreateAsync(manager);

        await manager.AskAsync<CreatedKey>(HttpMethod.Post, $"keys/{old.Key.Id}/roll", "{}", HttpStatusCode.Created);

        Assert.Null(await FindAsync(manager, old.Key.Id));
        Assert.NotNull(await RevocationAsync(manager, Revocation.OfKey(old.Key.Id)));
    }

    [Theory]
    [InlineData("""{"expiresInSeconds":0}""")]
    [InlineData("""{"expiresInSeconds":-5}""")]
    [InlineData("""{"expiresInSeconds":9223372036854775807}""")]
    public async Task A_senseless_life_is_refused(string body)
    {
        await using var manager = await WithApplicationAsync();

        var problem = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Post,
            "applications/MyApp/keys",
            body
        );

        Assert.Equal("/expiresInSeconds", Assert.Single(problem.Errors!.Value).Pointer);
    }

    [Fact]
    public async Task A_key_pasted_where_its_id_belongs_does_not_come_back()
    {
        await using var manager = await WithApplicationAsync();
        var made = await CreateAsync(manager);

        var problem = await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Delete, $"keys/{made.Secret}");

        Assert.DoesNotContain(made.Secret!, problem.Title, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deleting_an_application_ends_its_keys_and_subscriptions()
    {
        await using var manager = await WithApplicationAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        var subscribed = await manager.AskAsync<SubscriptionView>(
            HttpMethod.Post,
            "subscriptions",
            """{"application":"MyApp","api":"petstore"}""",
            HttpStatusCode.Created
        );
        var made = await CreateAsync(manager);

        using var deleted = await manager.SendAsync(HttpMethod.Delete, "applications/MyApp");

        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Null(await FindAsync(manager, made.Key.Id));
        Assert.NotNull(await RevocationAsync(manager, Revocation.OfApplication(subscribed.Application)));
        Assert.Empty((await manager.AskAsync<Page<SubscriptionView>>(HttpMethod.Get, "subscriptions")).Items);
    }

    [Fact]
    public async Task A_subscriber_sees_and_touches_only_what_is_theirs()
    {
        await using var manager = await WithApplicationAsync();
        var made = await CreateAsync(manager);
        var token = await manager.TokenAsync("eve", Roles.Subscriber);

        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, "applications/MyApp", token: token);
        await manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Post,
            "applications/MyApp/keys",
            "{}",
            token: token
        );
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Delete, $"keys/{made.Key.Id}", token: token);
        await manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Post,
            $"keys/{made.Key.Id}/roll",
            "{}",
            token: token
        );
        using var list = await manager.SendAsync(HttpMethod.Get, "applications", token: token);
        Assert.DoesNotContain("MyApp", await list.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        Assert.NotNull(await FindAsync(manager, made.Key.Id));
    }

    [Fact]
    public void A_mistyped_key_is_told_by_its_sum()
    {
        var key = KeySecret.Create();

        Assert.True(KeySecret.IsWellFormed(key));
        Assert.False(KeySecret.IsWellFormed(key[..^1]));
        Assert.False(KeySecret.IsWellFormed(key[..10] + (key[10] == 'x' ? 'y' : 'x') + key[11..]));
    }

    private async Task<LiveManager> WithApplicationAsync(TimeProvider? time = null)
    {
        var manager = await LiveManager.StartAsync(time, on: product);
        await manager.AskAsync<Application>(
            HttpMethod.Post,
            "applications",
            """{"name":"MyApp"}""",
            HttpStatusCode.Created
        );
        await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Post, "applications", """{"name":"MyApp"}""");
        return manager;
    }

    private static Task<CreatedKey> CreateAsync(LiveManager manager, string body = "{}") =>
        manager.AskAsync<CreatedKey>(HttpMethod.Post, "applications/MyApp/keys", body, HttpStatusCode.Created);

    private static Task<StoredEntity<ApiKey>?> FindAsync(LiveManager manager, string id) =>
        manager.Catalogue.FindAsync(EntityKinds.Key, id, ModelJson.Default.ApiKey, Stop);

    private static Task<StoredEntity<Revocation>?> RevocationAsync(LiveManager manager, string name) =>
        manager.Catalogue.FindAsync(EntityKinds.Revocation, name, ModelJson.Default.Revocation, Stop);
}
