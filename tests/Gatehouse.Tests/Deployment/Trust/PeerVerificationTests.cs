using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class PeerVerificationTests
{
    [Theory]
    [InlineData(InternalPurpose.Control, 29.9, true)]
    [InlineData(InternalPurpose.Control, 30.1, false)]
    [InlineData(InternalPurpose.Management, 30.1, false)]
    [InlineData(InternalPurpose.Apis, 29.9, true)]
    [InlineData(InternalPurpose.Apis, 30.1, true)]
    [InlineData(InternalPurpose.Apis, 119.9, true)]
    [InlineData(InternalPurpose.Apis, 120.1, false)]
    public async Task Expiry_stops_everything_but_API_traffic_and_that_after_ninety_days(
        InternalPurpose purpose,
        double days,
        bool accepted
    )
    {
        await using var cluster = new TestCluster();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        var verification = cluster.Verification();
        cluster.Time.Advance(TimeSpan.FromDays(days));

        var verdict = verification.Verify(worker.Certificate.Certificate, purpose);

        Assert.Equal(accepted, verdict.Peer is not null);
        Assert.Equal(accepted, verdict.Refusal is null);
        if (!accepted)
        {
            Assert.Contains("expired on 2026-03-31", verdict.Refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_expired_certificate_that_is_let_through_raises_one_alert_an_hour()
    {
        await using var cluster = new TestCluster();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        var verification = cluster.Verification();
        cluster.Time.Advance(TimeSpan.FromDays(31));
        for (var i = 0; i < 100; i++)
        {
            cluster.Time.Advance(TimeSpan.FromMinutes(1));
            verification.Verify(worker.Certificate.Certificate, InternalPurpose.Apis);
        }

        Assert.Equal(100, verification.ExpiredAccepted);
        Assert.Equal(
            2,
            cluster.Log.Text.Split("ALERT: the certificate of worker-1 (gateway-worker) expired").Length - 1
        );
    }

    [Fact]
    public async Task A_clock_that_is_behind_by_more_than_the_allowance_is_named()
    {
        await using var cluster = new TestCluster();
        await using var behind = new TestCluster();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        var early = new PeerVerification(
            "test",
            () => [cluster.Authority.Certificate],
            new(),
            new Microsoft.Extensions.Time.Testing.FakeTimeProvider(cluster.Time.GetUtcNow().AddMinutes(-6)),
            cluster.Log.For<PeerVerification>()
        );

        Assert.Contains(
            "check the clocks",
            early.Verify(worker.Certificate.Certificate, InternalPurpose.Control).Refusal,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_denied_certificate_gets_no_grace_on_the_data_hop_either()
    {
        await using var cluster = new TestCluster();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        cluster.Denied.Set([worker.Certificate.Identity.SerialNumber]);

        var verdict = cluster.Verification().Verify(worker.Certificate.Certificate, InternalPurpose.Apis);

        Assert.Contains("evicted", verdict.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deny_list_read_whole_forgets_what_the_scan_lacks_and_ignores_other_kinds()
    {
        var list = new DenyList();
        list.Prepare([Change(EntityKinds.DeniedCertificate, "AA"), Change(EntityKinds.Node, "BB")], replace: true)
            .Publish();
        Assert.True(list.Contains("aa"));
        Assert.False(list.Contains("BB"));

        list.Prepare([Change(EntityKinds.Node, "CC")], replace: false).Publish();
        Assert.True(list.Contains("AA"));

        var dropped = list.Prepare([], replace: true);
        Assert.True(list.Contains("AA"));
        dropped.Publish();
        Assert.False(list.Contains("AA"));

        list.Prepare([Change(EntityKinds.DeniedCertificate, "DD")], replace: false).Publish();
        list.Prepare([Change(EntityKinds.DeniedCertificate, "DD") with { Deleted = true }], replace: false).Publish();
        Assert.False(list.Contains("DD"));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_client_that_expects_a_manager_believes_no_worker_and_no_other_node()
    {
        await using var cluster = new TestCluster();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        var node = new Node
        {
            Name = "worker-2",
            Profile = Profile.GatewayWorker,
            SubDomain = "worker",
            Host = "127.0.0.1",
            InternalPort = 1,
        };

        Assert.Contains(
            "worker-1 (gateway-worker)",
            PeerExpectation.Manager.Mismatch(worker.Identity),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "worker-2 was expected",
            PeerExpectation.For(node).Mismatch(worker.Identity),
            StringComparison.Ordinal
        );
        Assert.Null(PeerExpectation.For(node with { Name = "worker-1" }).Mismatch(worker.Identity));
        Assert.Null(PeerExpectation.Worker.Mismatch(worker.Identity));
    }

    private static EntityChange Change(string kind, string name) =>
        new()
        {
            Kind = kind,
            Name = name,
            Epoch = 1,
            Digest = Digest.Of([]),
        };
}
