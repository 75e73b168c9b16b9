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
        using var clusterKey = Gatehouse.Deployment.Trust.ClusterKey.Create();
        var at = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);
        var document = "openapi: 3.1.0"u8.ToArray();
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
            var head = new HeadRow
            {
                History = "h1",
                HistoryReason = "created",
                Epoch = 1,
                Chain = chain,
            };
            AuditTrail.Append(context, head, at, TestCatalogue.Tester, "made app_1", []);
            AuditTrail.Append(context, head, at, TestCatalogue.Tester, "made a token", []);
            context.Head.Add(head);
            context.Documents.Add(
                new()
                {
                    Digest = Digest.Of(document),
                    Content = document,
                    MediaType = "application/yaml",
                }
            );
            context.Revisions.Add(
                new()
                {
                    Api = "petstore:1.0.0",
                    Number = 1,
                    Digest = Digest.Of("{}"u8),
                    Definition = "{}"u8.ToArray(),
                    DocumentDigest = Digest.Of(document),
                    CreatedBy = "ann",
                    CreatedAt = at,
                }
            );
            context.NodeCertificates.Add(
                new()
                {
                    SerialNumber = "A1",
                    Node = "worker-1",
                    NotAfter = at.AddDays(90),
                    IssuedAt = at,
                }
            );
            await context.SaveChangesAsync(Stop);
            await new SecretStore(database, clusterKey).PutAsync("ca", "kept"u8.ToArray(), Stop);
            var hash = Digest.Of("a secret"u8).ToArray();
            await context.Database.ExecuteSqlAsync(
                $"INSERT INTO join_tokens (id, secret_hash, profile, node, created_by, created_at, expires_at, attempts) VALUES ('t1', {hash}, 'gateway-worker', 'worker-2', 'ann', 1700000000000, 1700003600000, 3)",
                Stop
            );
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
            var token = await after.JoinTokens.SingleAsync(Stop);
            Assert.Equal((Digest.Of("a secret"u8), 3, null), (token.SecretHash, token.Attempts, token.PublicKey));
            Assert.Equal([GatewayEnvironment.Default], token.EnvironmentNames());
            var revision = await after.Revisions.SingleAsync(Stop);
            Assert.Equal((1, at, Digest.Of(document)), (revision.Number, revision.CreatedAt, revision.DocumentDigest));
            Assert.Equal(document, (await after.Documents.SingleAsync(Stop)).Content);
            Assert.Equal(at.AddDays(90), (await after.NodeCertificates.SingleAsync(Stop)).NotAfter);
        }

        Assert.Equal("kept"u8.ToArray(), await new SecretStore(database, clusterKey).FindAsync("ca", Stop));

        Assert.Equal(2, (await catalogue.CommitAsync(TestCatalogue.Put("app_2"), Stop)).Epoch);
        Assert.Null(await new AuditTrail(database).FindBreakAsync(Stop));
        Assert.Equal(3, (await new AuditTrail(database).ReadAsync(null, 10, Stop)).Count);
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
