using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

public abstract class NodeRegistryTests(Product product)
{
    public sealed class OnSqlite() : NodeRegistryTests(Product.Sqlite);

    public sealed class OnPostgreSql() : NodeRegistryTests(Product.PostgreSql);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Names_go_up_past_what_is_registered_or_promised()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var registry = TestNodes.Registry(test);

        var names = new List<string>();
        foreach (var profile in new[] { Profile.GatewayWorker, Profile.GatewayWorker, Profile.LoadBalancer })
        {
            names.Add((await registry.CreateTokenAsync(profile, null, TestCatalogue.Tester, Stop)).Node);
        }

        Assert.Equal(["worker-2", "worker-3", "balancer-1"], names);
    }

    [Theory]
    [InlineData("worker-1", "registered already")]
    [InlineData("../etc", "cannot be the name")]
    [InlineData("", "cannot be the name")]
    public async Task A_name_that_is_taken_or_unfit_is_refused(string name, string why)
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");

        var e = await Assert.ThrowsAsync<ProblemsException>(() =>
            TestNodes.Registry(test).CreateTokenAsync(Profile.GatewayWorker, name, TestCatalogue.Tester, Stop)
        );

        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eviction_removes_the_node_and_denies_its_certificates_in_one_transaction()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var before = await test.Catalogue.ReadHeadAsync(Stop);

        Assert.True(await TestNodes.Registry(test).EvictAsync("worker-1", "evicted", null, TestCatalogue.Tester, Stop));

        var transaction = Assert.Single(await test.Feed.ReadAfterAsync(before.Epoch, TestCatalogue.AllKinds, 10, Stop));
        var gone = transaction.Changes.Single(c => c.Kind == EntityKinds.Node);
        var denied = transaction.Changes.Single(c => c.Kind == EntityKinds.DeniedCertificate);
        Assert.True(gone.Deleted);
        Assert.Equal("A1worker-1", denied.Name);
        Assert.Equal(_time.GetUtcNow().AddDays(120), denied.ExpiresAt);
        Assert.False(await new EnrolmentLedger(test.Catalogue).IsRegisteredAsync("worker-1", Stop));
        Assert.Equal(["A1worker-1"], await test.Catalogue.ListNamesAsync(EntityKinds.DeniedCertificate, Stop));
    }

    [Fact]
    public async Task An_unknown_node_is_not_evicted_and_nothing_is_written()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);

        Assert.False(await TestNodes.Registry(test).EvictAsync("ghost", "evicted", null, TestCatalogue.Tester, Stop));
        Assert.Empty(await new AuditTrail(test.Database).ReadAsync(null, 10, Stop));
    }

    [Fact]
    public async Task A_node_is_told_to_renew_every_certificate_it_may_show_until_it_has_another()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var ledger = new EnrolmentLedger(test.Catalogue);
        _time.Advance(TimeSpan.FromDays(1));
        await ledger.RenewAsync(TestNodes.Worker("worker-1"), "B2", _time.GetUtcNow().AddDays(30), Stop);
        var registry = TestNodes.Registry(test);
        var board = TestNodes.Board(test);

        var asked = await registry.RenewAsync("worker-1", null, TestCatalogue.Tester, Stop);

        Assert.Equal(("worker-1", "B2", true), (asked!.Node, asked.SerialNumber, asked.RenewalAsked));
        Assert.Equal("A1worker-1 B2", await ToldAsync());
        await ledger.RenewAsync(TestNodes.Worker("worker-1"), "C3", _time.GetUtcNow().AddDays(30), Stop);
        Assert.Equal("", await ToldAsync());
        Assert.Null(await registry.RenewAsync("ghost", null, TestCatalogue.Tester, Stop));
        _time.Advance(TimeSpan.FromDays(31));
        var ended = await Assert.ThrowsAsync<ConflictException>(() =>
            registry.RenewAsync("worker-1", null, TestCatalogue.Tester, Stop)
        );
        Assert.Contains("has ended", ended.Message, StringComparison.Ordinal);

        async Task<string> ToldAsync()
        {
            var report = TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop));
            report.Facts = new()
            {
                Host = "10.0.0.7",
                InternalPort = 7443,
                SubDomain = "worker",
            };
            return (await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop)).RenewalOf;
        }
    }

    [Fact]
    public async Task A_revoked_token_lets_nobody_in()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var registry = TestNodes.Registry(test);
        var grant = await registry.CreateTokenAsync(Profile.GatewayWorker, null, TestCatalogue.Tester, Stop);

        Assert.True(await registry.RevokeTokenAsync(grant.Id, TestCatalogue.Tester, Stop));

        var verdict = await new EnrolmentLedger(test.Catalogue).RedeemAsync(
            grant.Id,
            grant.Secret,
            Digest.Of("key"u8),
            "",
            Stop
        );
        Assert.False(verdict.Accepted);
        Assert.Empty(await registry.ListTokensAsync(Stop));
    }
}
