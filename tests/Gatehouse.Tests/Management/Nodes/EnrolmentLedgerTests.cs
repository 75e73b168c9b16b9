using Gatehouse.Deployment.Manager;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

public abstract class EnrolmentLedgerTests(Product product)
{
    public sealed class OnSqlite() : EnrolmentLedgerTests(Product.Sqlite);

    public sealed class OnPostgreSql() : EnrolmentLedgerTests(Product.PostgreSql);

    private static readonly Digest s_key = Digest.Of("a public key"u8);
    private static readonly Digest s_otherKey = Digest.Of("another public key"u8);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_right_secret_tells_profile_and_name_and_the_same_key_may_come_again()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var grant = await GrantAsync(test);

        var first = await RedeemAsync(test, grant, s_key);
        var again = await RedeemAsync(test, grant, s_key);

        Assert.All(
            [first, again],
            verdict =>
            {
                Assert.Equal(
                    (true, "", Profile.GatewayWorker, "worker-1"),
                    (verdict.Accepted, verdict.Reason, verdict.Profile, verdict.Node)
                );
                Assert.Equal([GatewayEnvironment.Default], verdict.Environments);
            }
        );
    }

    [Fact]
    public async Task Another_key_is_refused_once_the_token_is_bound()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var grant = await GrantAsync(test);
        await RedeemAsync(test, grant, s_key);

        var verdict = await RedeemAsync(test, grant, s_otherKey);

        Assert.False(verdict.Accepted);
        Assert.Contains("another node", verdict.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_secret_is_refused_and_binds_nothing()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var grant = await GrantAsync(test);

        var wrong = await RedeemAsync(test, grant with { Secret = new byte[32] }, s_otherKey);

        Assert.False(wrong.Accepted);
        Assert.True((await RedeemAsync(test, grant, s_key)).Accepted);
    }

    [Fact]
    public async Task An_unknown_token_is_refused_without_a_write()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var grant = await GrantAsync(test);
        var entries = (await new AuditTrail(test.Database).ReadAsync(null, 10, Stop)).Count;

        var verdict = await RedeemAsync(test, grant with { Id = "nonsense" }, s_key);

        Assert.False(verdict.Accepted);
        Assert.Equal(entries, (await new AuditTrail(test.Database).ReadAsync(null, 10, Stop)).Count);
    }

    [Fact]
    public async Task After_an_hour_it_is_over()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var grant = await GrantAsync(test);
        _time.Advance(TimeSpan.FromHours(1));

        var verdict = await RedeemAsync(test, grant, s_key);

        Assert.Contains("expired", verdict.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_attempts_are_all_there_are_even_at_once()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var grant = await GrantAsync(test);
        var guess = grant with { Secret = new byte[32] };

        var verdicts = await Task.WhenAll(
            Enumerable.Range(0, 25).Select(_ => Task.Run(() => RedeemAsync(test, guess, s_otherKey), Stop))
        );

        Assert.Equal(10, verdicts.Count(v => v.Reason.Contains("secret is wrong", StringComparison.Ordinal)));
        Assert.Contains("too often", (await RedeemAsync(test, grant, s_key)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_secret_is_not_in_the_catalogue_and_each_attempt_is_in_the_audit()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var grant = await GrantAsync(test);
        await RedeemAsync(test, grant with { Secret = new byte[32] }, s_key);
        await RedeemAsync(test, grant, s_key);

        var audit = await new AuditTrail(test.Database).ReadAsync(null, 10, Stop);
        Assert.Contains("let in worker-1", audit[0].Summary, StringComparison.Ordinal);
        Assert.Contains("refused", audit[1].Summary, StringComparison.Ordinal);
        Assert.Equal("203.0.113.9", audit[0].From);
        await foreach (var (file, bytes) in test.FilesAsync())
        {
            Assert.True(bytes.AsSpan().IndexOf(grant.Secret.Span) < 0, file);
        }
    }

    [Fact]
    public async Task A_node_that_joins_again_keeps_its_drain()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        await TestNodes.Registry(test).DrainAsync("worker-1", true, null, TestCatalogue.Tester, Stop);

        await TestNodes.RegisterAsync(test, "worker-1");

        var node = await test.Catalogue.FindAsync(EntityKinds.Node, "worker-1", ModelJson.Default.Node, Stop);
        Assert.True(node!.Value.Draining);
    }

    [Fact]
    public async Task A_renewal_writes_the_certificate_and_the_new_place_and_leaves_the_drain()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        await TestNodes.Registry(test).DrainAsync("worker-1", true, null, TestCatalogue.Tester, Stop);
        var end = _time.GetUtcNow().AddDays(50);

        var renewed = await new EnrolmentLedger(test.Catalogue).RenewAsync(
            TestNodes.Worker("worker-1") with
            {
                Host = "10.0.0.8",
            },
            "B2",
            end,
            Stop
        );

        Assert.True(renewed);
        var node = await test.Catalogue.FindAsync(EntityKinds.Node, "worker-1", ModelJson.Default.Node, Stop);
        Assert.Equal(("10.0.0.8", true), (node!.Value.Host, node.Value.Draining));
        await using var context = test.Catalogue.Open();
        var certificates = await context.NodeCertificates.OrderBy(c => c.NotAfter).ToListAsync(Stop);
        Assert.Equal(
            [("worker-1", "A1worker-1"), ("worker-1", "B2")],
            certificates.Select(c => (c.Node, c.SerialNumber))
        );
        Assert.Equal(end, certificates[1].NotAfter);
    }

    [Fact]
    public async Task A_renewal_brings_no_evicted_node_back()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        await TestNodes.Registry(test).EvictAsync("worker-1", "gone", null, TestCatalogue.Tester, Stop);
        var ledger = new EnrolmentLedger(test.Catalogue);

        var renewed = await ledger.RenewAsync(TestNodes.Worker("worker-1"), "B2", _time.GetUtcNow().AddDays(50), Stop);

        Assert.False(renewed);
        Assert.False(await ledger.IsRegisteredAsync("worker-1", Stop));
        await using var context = test.Catalogue.Open();
        Assert.DoesNotContain(await context.NodeCertificates.ToListAsync(Stop), c => c.SerialNumber == "B2");
    }

    private static Task<JoinGrant> GrantAsync(TestCatalogue test) =>
        TestNodes.Registry(test).CreateTokenAsync(Profile.GatewayWorker, null, TestCatalogue.Tester, Stop);

    private static Task<TokenVerdict> RedeemAsync(TestCatalogue test, JoinGrant grant, Digest key) =>
        new EnrolmentLedger(test.Catalogue).RedeemAsync(grant.Id, grant.Secret, key, "203.0.113.9", Stop);
}
