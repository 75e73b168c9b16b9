using System.Net;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management.Analytics;

public sealed class UsageTests
{
    private static readonly PeerIdentity s_worker = new("test", Profile.GatewayWorker, "gw-1", "01");
    private static readonly DateTimeOffset s_noon = new(2026, 11, 29, 12, 0, 30, TimeSpan.Zero);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Percentiles_are_within_three_percent_of_the_exact_ones_and_merge_by_adding()
    {
        var random = new Random(7);
        var (one, two, both) = (new LatencySketch(), new LatencySketch(), new LatencySketch());
        var exact = new List<long>();
        for (var i = 0; i < 20_000; i++)
        {
            var micros = (long)Math.Exp(random.NextDouble() * 17);
            exact.Add(micros);
            both.Add(micros);
            (i % 3 == 0 ? one : two).Add(micros);
        }

        one.Merge(LatencySketch.FromBytes(two.ToBytes()));

        exact.Sort();
        foreach (var part in (double[])[0.01, 0.5, 0.9, 0.95, 0.99, 0.999])
        {
            var truth = exact[(int)Math.Ceiling(part * exact.Count) - 1];
            Assert.InRange(both.Percentile(part), (truth * 0.968) - 1, (truth * 1.032) + 1);
            Assert.Equal(both.Percentile(part), one.Percentile(part));
        }

        Assert.Equal(both.ToBytes(), one.ToBytes());
        Assert.Equal(0, new LatencySketch().Percentile(0.5));
        Assert.Throws<InvalidDataException>(() => LatencySketch.FromBytes([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1]));
    }

    [Theory]
    [InlineData(Product.Sqlite)]
    [InlineData(Product.PostgreSql)]
    public async Task A_batch_counts_once_whatever_manager_takes_it_and_however_often_it_comes(Product product)
    {
        await using var catalogue = await TestCatalogue.CreateAsync(new FakeTimeProvider(s_noon), product);
        using var one = new UsageStore(catalogue.Database, catalogue.Time);
        using var two = new UsageStore(catalogue.OpenDatabase(), catalogue.Time);
        var batches = Enumerable.Range(1, 8).Select(n => Batch("a", n, Told("petstore:1.0.0", at: s_noon))).ToList();

        foreach (var batch in batches)
        {
            await Task.WhenAll(
                one.TakeAsync(s_worker, batch, Stop),
                two.TakeAsync(s_worker, batch, Stop),
                two.TakeAsync(s_worker, Batch("b", batch.Sequence, Told("petstore:1.0.0", at: s_noon)), Stop)
            );
        }

        Assert.True((await one.TakeAsync(s_worker, batches[3], Stop)).Repeated);
        await using var context = catalogue.Database.OpenUsage();
        var rows = await context.Usage.AsNoTracking().ToListAsync(Stop);
        Assert.Equal(
            [(UsagePeriod.Minute, 16L), (UsagePeriod.Hour, 16L), (UsagePeriod.Day, 16L)],
            rows.OrderBy(r => r.Period).Select(r => (r.Period, r.Requests))
        );
        Assert.All(rows, r => Assert.Equal(16, LatencySketch.FromBytes(r.Latencies).Count));
    }

    [Fact]
    public async Task Usage_is_asked_by_what_and_by_whom_and_a_subscriber_sees_their_own()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        using var made = await manager.SendAsync(HttpMethod.Post, "applications", """{"name":"Hers"}""", token: sue);
        var hers = (await manager.AskAsync<Application>(HttpMethod.Get, "applications/Hers")).Id;
        using var store = new UsageStore(manager.Catalogue.Database, TimeProvider.System);
        var now = DateTimeOffset.UtcNow;
        await store.TakeAsync(
            s_worker,
            Batch(
                "a",
                1,
                Told("petstore:1.0.0", "GET /pets", hers, 200, now, micros: 1000),
                Told("petstore:1.0.0", "GET /pets", hers, 429, now, micros: 2000, fault: 2),
                Told("petstore:1.0.0", "POST /pets", "app_other", 502, now, micros: 3000, fault: 3),
                Told("orders:1.0.0", "GET /", "", 200, now, micros: 4000)
            ),
            Stop
        );

        var all = await manager.AskAsync<UsageView[]>(HttpMethod.Get, "usage");
        var apis = await manager.AskAsync<UsageView[]>(HttpMethod.Get, "usage?by=api");
        var operations = await manager.AskAsync<UsageView[]>(HttpMethod.Get, "usage?by=operation&api=petstore");

        Assert.Equal((4, 2, 1, 1, 1, 1), Figures(Assert.Single(all)));
        Assert.Equal([("orders:1.0.0", 1L), ("petstore:1.0.0", 3L)], apis.Select(a => (a.Key, a.Requests)));
        Assert.Equal(["petstore:1.0.0 GET /pets", "petstore:1.0.0 POST /pets"], operations.Select(o => o.Key));
        Assert.Equal(2.5, all[0].MeanMs);
        var node = Assert.Single(await manager.AskAsync<UsageView[]>(HttpMethod.Get, "usage?by=node&api=petstore"));
        Assert.Equal(("gw-1", 3L), (node.Key, node.Requests));
        Assert.InRange(node.GatewayP50Ms!.Value, 1.9, 2.1);
        Assert.Null(node.BackendP50Ms);
        await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Get, "usage?by=node", token: sue);
        foreach (var path in (string[])["usage?by=application", "applications/Hers/usage?by=application"])
        {
            using var own = await manager.SendAsync(HttpMethod.Get, path, token: sue);
            var seen = System.Text.Json.JsonSerializer.Deserialize<UsageView[]>(
                await own.Content.ReadAsStringAsync(Stop),
                ManagerClient.Json
            )!;
            Assert.Equal([("Hers", 2L)], seen.Select(u => (u.Key, u.Requests)));
        }

        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, "usage?application=app_other", token: sue);
        foreach (var bad in (string[])["usage?by=moon", "usage?step=week", "usage?format=xml", "usage?from=2030-01-01"])
        {
            await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Get, bad);
        }

        var csv = await manager.RunAsync("usage", "--by", "api", "--csv");
        Assert.StartsWith("from,key,requests,", csv.Out, StringComparison.Ordinal);
        Assert.Contains(",petstore:1.0.0,3,1,1,1,0,1,1,0,", csv.Out, StringComparison.Ordinal);
        var table = await manager.RunAsync("usage");
        Assert.Equal(ExitCode.Done, table.Code);
        Assert.Matches(@"petstore:1\.0\.0 +3 +1 +1 +1", table.Out);
    }

    [Theory]
    [InlineData(Product.Sqlite)]
    [InlineData(Product.PostgreSql)]
    public async Task Gateway_and_backend_are_told_apart_and_merge_over_nodes_also_with_rows_of_an_older_build(
        Product product
    )
    {
        await using var catalogue = await TestCatalogue.CreateAsync(new FakeTimeProvider(s_noon), product);
        using var store = new UsageStore(catalogue.Database, catalogue.Time);
        var other = s_worker with { Node = "gw-2" };
        await store.TakeAsync(s_worker, Split("a", (10_000, 9_000), (10_000, 9_000), (500, 0)), Stop);
        await using (var context = catalogue.Database.OpenUsage())
        {
            // As the build before wrote it.
            await context.Usage.ExecuteUpdateAsync(
                u =>
                    u.SetProperty(r => r.BackendLatencies, Array.Empty<byte>())
                        .SetProperty(r => r.GatewayLatencies, Array.Empty<byte>()),
                Stop
            );
        }

        await store.TakeAsync(other, Split("b", (100_000, 60_000)), Stop);

        await using var after = catalogue.Database.OpenUsage();
        var row = await after.Usage.AsNoTracking().SingleAsync(u => u.Period == UsagePeriod.Minute, Stop);
        Assert.Equal(4, LatencySketch.FromBytes(row.Latencies).Count);
        Assert.InRange(LatencySketch.FromBytes(row.BackendLatencies).Percentile(0.5), 58_000, 62_000);
        Assert.InRange(LatencySketch.FromBytes(row.GatewayLatencies).Percentile(0.5), 38_500, 41_500);
        var nodes = await after
            .Nodes.AsNoTracking()
            .Where(n => n.Period == UsagePeriod.Hour)
            .OrderBy(n => n.Node)
            .ToListAsync(Stop);
        Assert.Equal([("gw-1", 3L), ("gw-2", 1L)], nodes.Select(n => (n.Node, n.Requests)));
        var one = LatencySketch.FromBytes(nodes[0].BackendLatencies);
        Assert.Equal(2, one.Count);
        Assert.InRange(one.Percentile(0.99), 8_700, 9_300);
        Assert.InRange(LatencySketch.FromBytes(nodes[0].GatewayLatencies).Percentile(0.99), 960, 1_040);
        Assert.False(after.Database.HasPendingModelChanges());
    }

    [Fact]
    public async Task Usage_of_an_API_with_a_team_is_not_in_the_figures_of_publishers_outside_of_it()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis",
            Documents.Pets.Replace("title: Petstore", "title: Orders", StringComparison.Ordinal),
            HttpStatusCode.Created
        );
        await manager.AskAsync<ApiListing>(
            HttpMethod.Put,
            "apis/petstore/listing",
            """{"team":[{"user":"pat","may":["own"]}]}"""
        );
        var (pat, eve) = (
            await manager.TokenAsync("pat", Roles.Publisher),
            await manager.TokenAsync("eve", Roles.Publisher)
        );
        using var made = await manager.SendAsync(HttpMethod.Post, "applications", """{"name":"Eves"}""", token: eve);
        var eves = (await manager.AskAsync<Application>(HttpMethod.Get, "applications/Eves")).Id;
        using var store = new UsageStore(manager.Catalogue.Database, TimeProvider.System);
        var now = DateTimeOffset.UtcNow;
        await store.TakeAsync(
            s_worker,
            Batch(
                "a",
                1,
                Told("petstore:1.0.0", at: now),
                Told("petstore:1.0.0", at: now),
                Told("petstore:1.0.0", application: eves, at: now),
                Told("orders:1.0.0", at: now),
                Told("gone:1.0.0", at: now)
            ),
            Stop
        );

        Assert.Equal([("gone:1.0.0", 1L), ("orders:1.0.0", 1L), ("petstore:1.0.0", 3L)], await ByApiAsync(null));
        Assert.Equal([("orders:1.0.0", 1L), ("petstore:1.0.0", 3L)], await ByApiAsync(pat));
        Assert.Equal([("orders:1.0.0", 1L), ("petstore:1.0.0", 1L)], await ByApiAsync(eve));
        Assert.Equal([("", 2L)], await SeenAsync("usage", eve));
        Assert.Equal([("Eves", 1L), ("app_1", 1L)], await SeenAsync("usage?by=application", eve));
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, "usage?api=petstore", token: eve);

        Task<List<(string, long)>> ByApiAsync(string? token) => SeenAsync("usage?by=api", token);

        async Task<List<(string, long)>> SeenAsync(string path, string? token)
        {
            using var response = token is null
                ? await manager.SendAsync(HttpMethod.Get, path)
                : await manager.SendAsync(HttpMethod.Get, path, token: token);
            var text = await response.Content.ReadAsStringAsync(Stop);
            Assert.True(response.IsSuccessStatusCode, text);
            return
            [
                .. System
                    .Text.Json.JsonSerializer.Deserialize<UsageView[]>(text, ManagerClient.Json)!
                    .Select(u => (u.Key, u.Requests)),
            ];
        }
    }

    [Fact]
    public async Task What_is_kept_is_a_setting_and_a_sum_is_made_of_the_rows_that_are_left()
    {
        var time = new FakeTimeProvider(s_noon);
        await using var catalogue = await TestCatalogue.CreateAsync(time);
        using var store = new UsageStore(catalogue.Database, time);
        var keep = new UsageRetention(TimeSpan.FromHours(6), TimeSpan.FromHours(12), TimeSpan.FromDays(1));
        await store.TakeAsync(s_worker, Batch("a", 1, Told("petstore:1.0.0", at: s_noon)), Stop);
        using var index = new ApiIndex(catalogue.Catalogue);
        using var applications = new ApplicationIndex(catalogue.Catalogue);
        using var keys = new KeyIndex(catalogue.Catalogue);
        var queries = new UsageQueries(
            catalogue.Database,
            new Gatehouse.Management.Applications(
                catalogue.Catalogue,
                new Gatehouse.Management.Approvals(catalogue.Catalogue),
                applications,
                keys
            ),
            index,
            TestNodes.Options(catalogue) with
            {
                UsageRetention = keep,
            },
            time
        );

        foreach (
            var (hours, left) in new[] { (7, new[] { UsagePeriod.Hour, UsagePeriod.Day }), (13, [UsagePeriod.Day]) }
        )
        {
            time.SetUtcNow(s_noon.AddHours(hours));
            await store.PurgeAsync(keep, Stop);
            Assert.Equal(left, await PeriodsAsync(catalogue));
            var sum = await queries.AskAsync(
                new(s_noon.AddHours(-1), time.GetUtcNow(), null, null, null, null),
                new("root", Roles.Admin, "t", "here"),
                Stop
            );
            Assert.Equal(1, Assert.Single(sum).Requests);
        }

        time.SetUtcNow(s_noon.AddDays(3));
        await store.PurgeAsync(keep, Stop);
        Assert.Empty(await PeriodsAsync(catalogue));
        // A batch that comes again is known for longer than its figures.
        Assert.True(
            (await store.TakeAsync(s_worker, Batch("a", 1, Told("petstore:1.0.0", at: s_noon)), Stop)).Repeated
        );
    }

    [Fact]
    public async Task Old_rows_go_period_by_period()
    {
        var time = new FakeTimeProvider(s_noon);
        await using var catalogue = await TestCatalogue.CreateAsync(time);
        using var store = new UsageStore(catalogue.Database, time);
        await store.TakeAsync(s_worker, Batch("a", 1, Told("petstore:1.0.0", at: s_noon)), Stop);

        time.Advance(TimeSpan.FromDays(3));
        await store.PurgeAsync(UsageRetention.Default, Stop);
        Assert.Equal([UsagePeriod.Hour, UsagePeriod.Day], await PeriodsAsync(catalogue));
        time.Advance(TimeSpan.FromDays(100));
        await store.PurgeAsync(UsageRetention.Default, Stop);
        Assert.Equal([UsagePeriod.Day], await PeriodsAsync(catalogue));
        time.Advance(TimeSpan.FromDays(1200));
        await store.PurgeAsync(UsageRetention.Default, Stop);
        Assert.Empty(await PeriodsAsync(catalogue));
    }

    private static EventBatch Split(string stream, params (long Micros, long Backend)[] told)
    {
        var batch = Batch(stream, 1, told.Select(t => Told("petstore:1.0.0", at: s_noon, micros: t.Micros)));
        foreach (var (one, (_, backend)) in batch.Events.Zip(told))
        {
            one.BackendMicros = backend;
        }

        return batch;
    }

    private static async Task<List<UsagePeriod>> PeriodsAsync(TestCatalogue catalogue)
    {
        await using var context = catalogue.Database.OpenUsage();
        return await context.Usage.AsNoTracking().Select(u => u.Period).OrderBy(p => p).ToListAsync(Stop);
    }

    private static (long, long, long, long, long, long) Figures(UsageView u) =>
        (u.Requests, u.Succeeded, u.ClientErrors, u.ServerErrors, u.Throttled, u.TargetFaults);

    private static (string, string, string, int, DateTimeOffset, long, int) Told(
        string api,
        string operation = "GET /pets",
        string application = "app_1",
        int status = 200,
        DateTimeOffset at = default,
        long micros = 1500,
        int fault = 0
    ) => (api, operation, application, status, at, micros, fault);

    private static EventBatch Batch(
        string stream,
        long sequence,
        params IEnumerable<(string, string, string, int, DateTimeOffset, long, int)> told
    )
    {
        var batch = new EventBatch { Stream = stream, Sequence = sequence };
        batch.Texts.Add("");
        foreach (var (api, operation, application, status, at, micros, fault) in told)
        {
            batch.Texts.Add([api, operation, application]);
            var number = (uint)batch.Texts.Count;
            batch.Events.Add(
                new Event
                {
                    At = at.ToUnixTimeMilliseconds(),
                    Api = number - 3,
                    Operation = number - 2,
                    Application = number - 1,
                    Status = status,
                    Micros = micros,
                    Fault = fault,
                }
            );
        }

        return batch;
    }
}
