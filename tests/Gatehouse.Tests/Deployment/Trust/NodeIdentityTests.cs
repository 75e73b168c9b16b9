using System.Security.Cryptography;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class NodeIdentityTests
{
    [Fact]
    public async Task A_data_directory_without_a_certificate_holds_no_identity_and_keeps_its_key()
    {
        await using var cluster = new TestCluster();
        var data = cluster.NewDataDirectory();
        Assert.Null(NodeIdentity.Load(data));

        using var first = NodeKey.LoadOrCreate(data);
        using var second = NodeKey.LoadOrCreate(data);

        Assert.Equal(first.ExportSubjectPublicKeyInfo(), second.ExportSubjectPublicKeyInfo());
        Assert.Null(NodeIdentity.Load(data));
    }

    [Theory]
    [InlineData("node.key")]
    [InlineData("node.crt")]
    [InlineData("ca.crt")]
    [InlineData("cluster.json")]
    public async Task A_damaged_part_is_named_with_what_to_do(string part)
    {
        await using var cluster = new TestCluster();
        var data = cluster.NewDataDirectory();
        cluster.Identity(Profile.GatewayWorker, "worker-1", data).Dispose();
        var path = Path.Combine(data, "pki", part);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^60]);

        var damaged = Assert.Throws<InvalidDataException>(() => NodeIdentity.Load(data));

        Assert.Contains(Path.Combine(data, "pki"), damaged.Message, StringComparison.Ordinal);
        Assert.Contains("join", damaged.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("BEGIN", damaged.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_part_a_foreign_key_and_a_key_that_others_may_read_are_refused()
    {
        await using var cluster = new TestCluster();
        var data = cluster.NewDataDirectory();
        var other = cluster.NewDataDirectory();
        cluster.Identity(Profile.GatewayWorker, "worker-1", data).Dispose();
        cluster.Identity(Profile.GatewayWorker, "worker-2", other).Dispose();
        var key = Path.Combine(data, "pki", "node.key");

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.OtherRead);
            Assert.Throws<UnauthorizedAccessException>(() => NodeIdentity.Load(data));
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        File.Copy(Path.Combine(other, "pki", "node.key"), key, overwrite: true);
        Assert.Contains(
            "another key",
            Assert.Throws<InvalidDataException>(() => NodeIdentity.Load(data)).Message,
            StringComparison.Ordinal
        );
        File.Delete(key);
        Assert.Throws<InvalidDataException>(() => NodeIdentity.Load(data));
    }

    [Fact]
    public async Task An_expired_identity_still_loads()
    {
        await using var cluster = new TestCluster();
        cluster.Time.SetUtcNow(DateTimeOffset.UtcNow.AddYears(3));
        var data = cluster.NewDataDirectory();
        cluster.Identity(Profile.GatewayWorker, "worker-1", data).Dispose();

        using var loaded = NodeIdentity.Load(data);

        Assert.Equal("worker-1", loaded!.Node);
    }

    [Fact]
    public async Task A_renewal_for_another_node_changes_nothing()
    {
        await using var cluster = new TestCluster();
        var data = cluster.NewDataDirectory();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1", data);
        var present = worker.Certificate;
        using var manager = cluster.Authority.Issue(
            worker.CreateRequest(),
            "test",
            Profile.GatewayManager,
            "worker-1",
            []
        );
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var otherKey = cluster.Authority.Issue(
            CertificateRequests.Create(stranger),
            "test",
            Profile.GatewayWorker,
            "worker-1",
            []
        );

        Assert.Throws<InvalidDataException>(() =>
            worker.Renew(cluster.Facts.ToReply(manager, [cluster.Authority.Certificate]))
        );
        Assert.Throws<InvalidDataException>(() =>
            worker.Renew(cluster.Facts.ToReply(otherKey, [cluster.Authority.Certificate]))
        );

        Assert.Same(present, worker.Certificate);
        using var loaded = NodeIdentity.Load(data)!;
        Assert.Equal(present.Certificate.RawData, loaded.Certificate.Certificate.RawData);
    }
}
