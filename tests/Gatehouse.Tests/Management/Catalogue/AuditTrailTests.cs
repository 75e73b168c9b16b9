using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Tests.Management;

public abstract class AuditTrailTests(Product product)
{
    public sealed class OnSqlite() : AuditTrailTests(Product.Sqlite);

    public sealed class OnPostgreSql() : AuditTrailTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_commit_leaves_who_what_before_and_after()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1", "ann");
        await test.PutAsync("app_1", "bob");

        var newest = (await new AuditTrail(test.Database).ReadAsync(null, 10, Stop))[0];

        Assert.Equal(("tester", "test", "put app_1"), (newest.Actor, newest.From, newest.Summary));
        Assert.Contains(
            "\"before\":{\"group\":[],\"id\":\"app_1\",\"name\":\"app_1\",\"owner\":\"ann\"",
            newest.Changes,
            StringComparison.Ordinal
        );
        Assert.Contains("\"owner\":\"bob\"", newest.Changes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secrets_are_masked()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var hash = Digest.Of("the key"u8);
        await test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "key").Put(
                EntityKinds.Key,
                "key_1",
                new ApiKey
                {
                    Id = "key_1",
                    Application = "app_1",
                    Hash = hash,
                    LastFour = "abcd",
                    CreatedAt = DateTimeOffset.UnixEpoch,
                },
                ModelJson.Default.ApiKey
            ),
            Stop
        );

        var entry = Assert.Single(await new AuditTrail(test.Database).ReadAsync(null, 10, Stop));

        Assert.DoesNotContain(hash.ToString(), entry.Changes, StringComparison.Ordinal);
        Assert.Contains("***", entry.Changes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_whole_trail_has_no_break()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await PutThreeAsync(test);

        Assert.Null(await new AuditTrail(test.Database).FindBreakAsync(Stop));
    }

    [Fact]
    public async Task An_edited_entry_is_found()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await PutThreeAsync(test);
        await using (var context = test.Catalogue.Open())
        {
            await context
                .Audit.Where(a => a.Id == 2)
                .ExecuteUpdateAsync(set => set.SetProperty(a => a.Actor, "nobody"), Stop);
        }

        Assert.Equal(2, await new AuditTrail(test.Database).FindBreakAsync(Stop));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_missing_entry_is_found_even_the_last(long id)
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await PutThreeAsync(test);
        await using (var context = test.Catalogue.Open())
        {
            await context.Audit.Where(a => a.Id == id).ExecuteDeleteAsync(Stop);
        }

        Assert.Equal(id, await new AuditTrail(test.Database).FindBreakAsync(Stop));
    }

    private static async Task PutThreeAsync(TestCatalogue test)
    {
        for (var i = 0; i < 3; i++)
        {
            await test.PutAsync($"app_{i}");
        }
    }
}
