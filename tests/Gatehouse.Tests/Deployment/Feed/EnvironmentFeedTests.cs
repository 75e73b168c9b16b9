using System.Collections.Immutable;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Feeds;

/// <summary>Which deployments reach which worker.</summary>
public sealed class EnvironmentFeedTests : IDisposable
{
    private readonly CatalogueTwin _catalogue = new();
    private readonly string _root = Directory.CreateTempSubdirectory("gatehouse-").FullName;

    [Fact]
    public async Task A_worker_is_sent_the_deployments_of_its_environments_and_what_all_need()
    {
        Register("w1", ["default"]);
        Register("w2", ["staging"]);
        Register("w3", ["default", "staging"]);
        _catalogue.Put("api", "a:1", "everywhere");
        _catalogue.Put("api", "a:1@staging", "tried");
        await using var first = await StartAsync("w1");
        await using var second = await StartAsync("w2");
        await using var third = await StartAsync("w3");
        _catalogue.Put("api", "b:1@staging", "tried");
        _catalogue.Put("api", "b:1@elsewhere", "for nobody here");
        _catalogue.Put("plan", "Gold", "{}");
        _catalogue.Delete("api", "a:1@staging");

        await Task.WhenAll(first.At(_catalogue.Head), second.At(_catalogue.Head), third.At(_catalogue.Head));

        Assert.Equal(["api a:1", "plan Gold"], first.Served());
        Assert.Equal(["api b:1@staging", "plan Gold"], second.Served());
        Assert.Equal(["api a:1", "api b:1@staging", "plan Gold"], third.Served());
    }

    [Fact]
    public async Task A_worker_that_is_let_in_for_another_environment_swaps_its_deployments_without_a_restart()
    {
        Register("w1", ["default"]);
        _catalogue.Put("api", "a:1", "one");
        _catalogue.Put("api", "a:1@staging", "other");
        await using var worker = await StartAsync("w1");
        await worker.At(_catalogue.Head);
        Assert.Equal(["api a:1"], worker.Served());

        Register("w1", ["staging"]);
        await worker.At(_catalogue.Head);

        Assert.Equal(["api a:1@staging"], worker.Served());
        Assert.Equal(["staging"], worker.Node.Store.Environments);
    }

    [Fact]
    public async Task A_worker_gets_nothing_of_an_environment_it_was_not_let_in_for()
    {
        Register("w1", ["staging"]);
        _catalogue.Put("api", "a:1", "production");
        await using var worker = await StartAsync("w1", "default");

        await worker.Node.Synchronizer.Status.WhenAsync(
            s =>
                s.Trouble?.Contains("gatehouse node environments w1 staging default", StringComparison.Ordinal) == true,
            worker.Deadline
        );

        Assert.Empty(worker.Served());
    }

    [Fact]
    public async Task A_worker_that_nobody_registered_gets_nothing_where_there_are_environments()
    {
        _catalogue.Put("environment", "staging", "{}");
        _catalogue.Put("api", "a:1", "production");
        await using var worker = await StartAsync("w9");

        await worker.Node.Synchronizer.Status.WhenAsync(
            s => s.Trouble?.Contains("w9 is not registered", StringComparison.Ordinal) == true,
            worker.Deadline
        );

        Assert.Empty(worker.Served());
    }

    [Fact]
    public async Task A_worker_that_is_shut_out_of_an_environment_as_it_reads_everything_keeps_nothing_of_it()
    {
        Register("w1", ["default"]);
        _catalogue.Put("api", "a:1", "one");
        _catalogue.Put("api", "a:1@staging", "other");
        var source = new InterruptedSource(_catalogue, () => Register("w1", ["staging"]));
        await using var worker = await Follower.StartAsync(source, "w1", NewDirectory(), []);

        await worker.Node.Synchronizer.Status.WhenAsync(
            _ => worker.Node.Store.Environments is ["staging"],
            worker.Deadline
        );
        await worker.At(_catalogue.Head);

        Assert.Equal(["api a:1@staging"], worker.Served());
    }

    [Fact]
    public async Task A_cursor_counts_for_the_environments_it_was_given_for()
    {
        Register("w1", ["default", "staging"]);
        var directory = NewDirectory();
        _catalogue.Put("api", "a:1", "one");
        _catalogue.Put("api", "a:1@staging", "other");
        await using (var before = await StartAsync("w1", directory, ["default"]))
        {
            await before.At(_catalogue.Head);
            Assert.Equal(["api a:1"], before.Served());
        }

        // Its gatehouse.yaml says something else now. What it held of the other environment is not served for a moment.
        await using var after = await StartAsync("w1", directory, ["staging"]);
        await after.At(_catalogue.Head);
        await after.Node.Synchronizer.Status.WhenAsync(
            _ => after.Node.Store.Environments is ["staging"],
            after.Deadline
        );

        Assert.Equal(["api a:1@staging"], after.Served());
    }

    public void Dispose()
    {
        _catalogue.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private string NewDirectory() => Path.Combine(_root, Guid.NewGuid().ToString("N"));

    private void Register(string name, string[] environments) =>
        _catalogue.Put(
            "node",
            name,
            System.Text.Json.JsonSerializer.Serialize(
                new Node
                {
                    Name = name,
                    Profile = Profile.GatewayWorker,
                    SubDomain = "worker",
                    Host = "127.0.0.1",
                    InternalPort = 7443,
                    Environments = [.. environments],
                },
                ModelJson.Default.Node
            )
        );

    private Task<Follower> StartAsync(string name, params string[] asked) =>
        Follower.StartAsync(_catalogue, name, NewDirectory(), asked);

    private Task<Follower> StartAsync(string name, string directory, string[] asked) =>
        Follower.StartAsync(_catalogue, name, directory, asked);

    /// <summary>A catalogue in which something happens between a stream's first look and its scan.</summary>
    private sealed class InterruptedSource(IFeedSource catalogue, Action before) : IFeedSource
    {
        private int _scans;

        public Task<CatalogueHead> ReadHeadAsync(CancellationToken cancellation) =>
            catalogue.ReadHeadAsync(cancellation);

        public Task<Digest?> ReadChainAsync(long epoch, CancellationToken cancellation) =>
            catalogue.ReadChainAsync(epoch, cancellation);

        public Task<ImmutableArray<FeedTransaction>> ReadAfterAsync(
            long epoch,
            FeedScope scope,
            int limit,
            CancellationToken cancellation
        ) => catalogue.ReadAfterAsync(epoch, scope, limit, cancellation);

        public Task<FeedScan> ScanAsync(FeedScope scope, CancellationToken cancellation)
        {
            if (Interlocked.Increment(ref _scans) == 1)
            {
                before();
            }

            return catalogue.ScanAsync(scope, cancellation);
        }

        public Task<Node?> FindNodeAsync(string name, CancellationToken cancellation) =>
            catalogue.FindNodeAsync(name, cancellation);

        public Task<bool> HasEnvironmentsAsync(CancellationToken cancellation) =>
            catalogue.HasEnvironmentsAsync(cancellation);

        public Task WaitForNewerAsync(CatalogueHead head, CancellationToken cancellation) =>
            catalogue.WaitForNewerAsync(head, cancellation);

        public SignedHeartbeat SignHeartbeat(CatalogueHead head) => catalogue.SignHeartbeat(head);
    }

    /// <summary>A worker of a name, on a feed of its own.</summary>
    private sealed class Follower(FeedHost host, NodeTwin node) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));

        public NodeTwin Node => node;

        public CancellationToken Deadline => _deadline.Token;

        public static async Task<Follower> StartAsync(
            IFeedSource catalogue,
            string name,
            string directory,
            string[] asked
        )
        {
            var host = await FeedHost.StartAsync(
                catalogue,
                new PeerIdentity("test", Profile.GatewayWorker, name, "01")
            );
            var options = NodeTwin.Options(host.Address) with { Environments = asked };
            return new(host, await NodeTwin.StartAsync(directory, options));
        }

        public Task At(CatalogueHead head) => node.Synchronizer.Status.WhenAsync(s => s.Cursor == head, Deadline);

        public IEnumerable<string> Served() =>
            node
                .Target.Served.Keys.Where(k => k.Kind != "node")
                .Select(k => $"{k.Kind} {k.Name}")
                .Order(StringComparer.Ordinal);

        public async ValueTask DisposeAsync()
        {
            await node.DisposeAsync();
            await host.DisposeAsync();
            _deadline.Dispose();
        }
    }
}
