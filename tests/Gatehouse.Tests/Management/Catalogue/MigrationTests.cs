using Gatehouse.Deployment.Wire;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.TestSupport;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Gatehouse.Tests.Management;

/// <summary>From the first schema, with data in it, to this build's.</summary>
public sealed class MigrationTests : IDisposable
{
    private const string First = "20261125082035_Initial";

    private readonly string _directory = Directory.CreateTempSubdirectory("gatehouse-migration-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Product.Sqlite)]
    [InlineData(Product.PostgreSql)]
    public async Task What_the_first_schema_held_is_there_and_works_on(Product product)
    {
        using var database = await DatabaseAsync(product);
        using var key = Gatehouse.Deployment.Trust.CatalogueKey.Create();
        var report = new NodeReport { State = "serving", Version = "0.1.0" };
        Digest chain;
        await using (var context = database.Open())
        {
            await context.GetService<IMigrator>().MigrateAsync(First, cancellationToken: Stop);
            var payload = CanonicalJson.Write(TestCatalogue.Application("app_1", "ann"), ModelJson.Default.Application);
            var row = new EntityRow
            {
                Kind = EntityKinds.Application,
                Name = "app_1",
                Epoch = 1,
                Payload = payload,
                Digest = Digest.Of(payload),
            };
            row.Signature = key.Sign(row.ToChange(), "h1");
            chain = CatalogueHead.Link(default, row.ToChange(), "h1");
            context.Entities.Add(row);
            context.Heads.Add(new() { Epoch = 1, Chain = chain });
            context.Head.Add(
                new()
                {
                    History = "h1",
                    HistoryReason = "created",
                    Epoch = 1,
                    Chain = chain,
                }
            );
            await context.SaveChangesAsync(Stop);
            // Written as that build did, which knew no more columns.
            await context.Database.ExecuteSqlAsync(
                $"INSERT INTO node_status (node, report, reported_at, seen_at, serial_number) VALUES ('worker-1', {report.ToByteArray()}, 1700000000000, 1700000000000, 'A1')",
                Stop
            );
        }

        var plan = await CatalogueSetup.PlanAsync(database, Stop);
        Assert.False(plan.Creates);
        Assert.Contains("20261125125500_NodeResets", plan.Pending);

        await CatalogueSetup.ApplyAsync(database, Stop);

        Assert.True((await CatalogueSetup.PlanAsync(database, Stop)).IsCurrent);
        using var catalogue = new Catalogue(database, key, TimeProvider.System);
        Assert.Equal(new CatalogueHead("h1", 1, chain), await catalogue.ReadHeadAsync(Stop));
        var found = await catalogue.FindAsync(EntityKinds.Application, "app_1", ModelJson.Default.Application, Stop);
        Assert.Equal("ann", found!.Value.Owner);
        await using (var after = database.Open())
        {
            var status = await after.NodeStatus.SingleAsync(Stop);
            Assert.Equal((report, null), (NodeReport.Parser.ParseFrom(status.Report), status.ResetAt));
        }

        Assert.Equal(2, (await catalogue.CommitAsync(TestCatalogue.Put("app_2"), Stop)).Epoch);
        Assert.Equal(
            2,
            (await new CatalogueFeed(catalogue).ReadAfterAsync(0, TestCatalogue.AllKinds, 10, Stop)).Length
        );
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private async Task<CatalogueDatabase> DatabaseAsync(Product product)
    {
        if (product == Product.Sqlite)
        {
            return CatalogueDatabase.Sqlite(Path.Combine(_directory, "catalogue.db"));
        }

        var server = await PostgreSqlServer.SharedAsync();
        return CatalogueDatabase.PostgreSql(await server.CreateDatabaseAsync());
    }
}
