using System.Collections.Immutable;
using Gatehouse.Configuration;
using Gatehouse.Model;

namespace Gatehouse.Tests.Configuration;

public sealed class ReloadTests
{
    [Fact]
    public async Task Keys_that_can_be_taken_are_applied_and_the_others_wait_for_a_restart()
    {
        using var file = new ConfigurationOnDisk("portOffset: 10\nlog: { level: error }");
        var applied = new List<NodeSettings>();
        using var reloader = Reloader(file, applied);
        file.Write("portOffset: 20\nlog: { level: debug }\nlisten: { gateway: { https: 9000 } }");

        var outcome = await reloader.ReloadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["listen.gateway.https", "log.level"], outcome.Applied);
        Assert.Equal(["portOffset"], outcome.NeedsRestart);
        Assert.Equal("applied listen.gateway.https, log.level; needs a restart: portOffset", outcome.Summary);
        var running = Assert.Single(applied);
        Assert.Equal(9010, running.Listen.Gateway.Https); // the new port, moved by the offset that still runs
        Assert.Equal(10, running.PortOffset);
    }

    [Fact]
    public async Task A_file_with_a_mistake_changes_nothing()
    {
        using var file = new ConfigurationOnDisk("log: { level: error }");
        var applied = new List<NodeSettings>();
        using var reloader = Reloader(file, applied);
        var before = reloader.Running;
        file.Write("log: { level: debug }\nlisten: { gateway: { https: x } }");

        var outcome = await reloader.ReloadAsync(TestContext.Current.CancellationToken);

        Assert.Equal("listen.gateway.https", Assert.Single(outcome.Problems).Pointer);
        Assert.Empty(applied);
        Assert.Same(before, reloader.Running);
        Assert.False(outcome.ToReply().Done);
    }

    [Fact]
    public async Task What_cannot_be_applied_stays_to_be_applied()
    {
        using var file = new ConfigurationOnDisk("log: { level: error }");
        var refuse = true;
        using var reloader = new Reloader(
            file.Read(),
            file.Sources,
            (_, _) =>
                refuse ? throw new IOException("port 9000 is taken") : Task.FromResult(ImmutableArray<Problem>.Empty)
        );
        file.Write("listen: { gateway: { https: 9000 } }");

        var refused = await reloader.ReloadAsync(TestContext.Current.CancellationToken);
        refuse = false;
        var applied = await reloader.ReloadAsync(TestContext.Current.CancellationToken);

        Assert.Equal("port 9000 is taken", Assert.Single(refused.Problems).Message);
        Assert.Equal(["listen.gateway.https", "log.level"], applied.Applied);
    }

    [Fact]
    public async Task The_same_file_again_applies_nothing()
    {
        using var file = new ConfigurationOnDisk(
            "cluster: { members: [10.0.0.1, 10.0.0.2] }\nproxies: { trusted: [10.0.0.0/8] }"
        );
        var applied = new List<NodeSettings>();
        using var reloader = Reloader(file, applied);
        file.Write("\n\nproxies: { trusted: [10.0.0.0/8] }\ncluster: { members: [10.0.0.1, 10.0.0.2] }");

        var outcome = await reloader.ReloadAsync(TestContext.Current.CancellationToken);

        Assert.Equal("nothing has changed", outcome.Summary);
        Assert.Empty(applied);
    }

    [Theory]
    [InlineData("listen.gateway.https", true)]
    [InlineData("listen.management.allow", true)]
    [InlineData("hosts.gateway", true)]
    [InlineData("tls.certificates", true)]
    [InlineData("cluster.members", true)]
    [InlineData("timeouts.drain", true)]
    [InlineData("log.level", true)]
    [InlineData("node.profile", false)]
    [InlineData("node.name", false)]
    [InlineData("portOffset", false)]
    [InlineData("cluster.domain", false)]
    [InlineData("listen.internal.port", false)]
    public void What_a_reload_takes_is_what_the_operator_was_promised(string key, bool reloads) =>
        Assert.Equal(reloads, SettingsTable.Find(key)!.Reloads);

    private static Reloader Reloader(ConfigurationOnDisk file, List<NodeSettings> applied) =>
        new(
            file.Read(),
            file.Sources,
            (next, _) =>
            {
                applied.Add(next.Settings);
                return Task.FromResult(ImmutableArray<Problem>.Empty);
            }
        );
}
