using System.Text.Json;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management;

public abstract class SubscriptionPageTests(Product product)
{
    public sealed class OnSqlite() : SubscriptionPageTests(Product.Sqlite);

    public sealed class OnPostgreSql() : SubscriptionPageTests(Product.PostgreSql);

    private const int Many = 57;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_make_up_the_whole_list_each_once_whoever_reads_it()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await FillAsync(manager.Catalogue);
        var developer = await manager.TokenAsync("bob", Roles.Subscriber);

        var (all, total) = await ReadAsync(manager, "limit=10", null);
        var (bobs, bobsTotal) = await ReadAsync(manager, "limit=7", developer);
        var (ofOne, _) = await ReadAsync(manager, "application=app-01&limit=10", null);

        Assert.Equal((Many, 19), (total, bobsTotal));
        Assert.Equal(
            Enumerable.Range(0, Many).Select(Id),
            all.Select(s => s.Application).Order(StringComparer.Ordinal)
        );
        Assert.All(all, s => Assert.Equal($"Shop {s.Application}", s.ApplicationName));
        Assert.Equal(
            Enumerable.Range(0, Many).Where(IsBobs).Select(Id),
            bobs.Select(s => s.Application).Order(StringComparer.Ordinal)
        );
        Assert.Equal("app-01", Assert.Single(ofOne).Application);
    }

    [Fact]
    public async Task A_page_reads_its_own_rows_and_no_others()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await FillAsync(manager.Catalogue);

        var (items, total) = await manager.Catalogue.PageAsync(
            EntityKinds.Subscription,
            50,
            10,
            ModelJson.Default.Subscription,
            Stop
        );

        Assert.Equal((7, Many), (items.Length, total));
        Assert.Equal(Enumerable.Range(50, 7).Select(Id), items.Select(i => i.Value.Application));
    }

    private static string Id(int i) => $"app-{i:D2}";

    private static bool IsBobs(int i) => i % 3 == 0;

    // One is deleted: it is on no page, and not counted.
    private static async Task FillAsync(Catalogue catalogue)
    {
        var change = new CatalogueTransaction(TestCatalogue.Tester, "many");
        for (var i = 0; i < Many; i++)
        {
            change = change
                .Put(
                    EntityKinds.Application,
                    Id(i),
                    new Application
                    {
                        Id = Id(i),
                        Name = $"Shop {Id(i)}",
                        Owner = IsBobs(i) ? "bob" : "ann",
                    },
                    ModelJson.Default.Application
                )
                .Put(
                    EntityKinds.Subscription,
                    Subscription.EntityName(Id(i), "pets:1"),
                    new Subscription { Application = Id(i), Api = "pets:1" },
                    ModelJson.Default.Subscription
                );
        }

        await catalogue.CommitAsync(
            change.Put(
                EntityKinds.Subscription,
                Subscription.EntityName("app-00", "gone:1"),
                new Subscription { Application = "app-00", Api = "gone:1" },
                ModelJson.Default.Subscription
            ),
            Stop
        );
        await catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "less").Delete(
                EntityKinds.Subscription,
                Subscription.EntityName("app-00", "gone:1")
            ),
            Stop
        );
    }

    private static async Task<(List<SubscriptionView> Items, int Total)> ReadAsync(
        LiveManager manager,
        string query,
        string? token
    )
    {
        var items = new List<SubscriptionView>();
        while (true)
        {
            using var response = await manager.SendAsync(
                HttpMethod.Get,
                $"subscriptions?{query}&offset={items.Count}",
                token: token
            );
            var text = await response.Content.ReadAsStringAsync(Stop);
            var page = JsonSerializer.Deserialize<Page<SubscriptionView>>(text, ManagerClient.Json)!;
            items.AddRange(page.Items);
            if (page.Items.IsEmpty || items.Count >= page.Total)
            {
                return (items, page.Total);
            }
        }
    }
}
