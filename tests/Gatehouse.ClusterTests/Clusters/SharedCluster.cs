using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>A manager, two workers, two balancers, an API that takes a key, and a key: made once for many tests, which leave it as they found it.</summary>
public class SharedCluster : IAsyncLifetime
{
    private readonly string[] _settings;
    private RealCluster? _cluster;
    private TestBackend? _backend;

    public SharedCluster()
        : this([]) { }

    private protected SharedCluster(params string[] settings) => _settings = settings;

    internal RealCluster Cluster => _cluster!;

    internal TestBackend Backend => _backend!;

    internal string Key { get; private set; } = "";

    internal Uri Url => Cluster["balancer-1"].Url("/things/1.0.0/one");

    public async ValueTask InitializeAsync()
    {
        _backend = await TestBackend.StartAsync();
        _cluster = await RealCluster.StartAsync(balancers: 2, settings: _settings);
        var api = await _cluster.Rest.DeployAsync("things", _backend.Url);
        (_, Key) = await _cluster.Rest.CreateKeyAsync("callers", api);
        await _cluster.AnswersEverywhereAsync("/things/1.0.0/one", Key);
    }

    /// <summary>Load through the balancer.</summary>
    internal Task<SteadyLoad> LoadAsync() => SteadyLoad.StartAsync([Url], Key, Cluster.Authority);

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        if (_backend is not null)
        {
            await _backend.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}

/// <summary>Tests that share one cluster.</summary>
[CollectionDefinition(Name)]
public sealed class SharedClusterUsers : ICollectionFixture<SharedCluster>
{
    public const string Name = "a shared cluster";
}

/// <summary>The same without membership: nothing on the path of a call, a deployment or <c>status</c> may miss it.</summary>
public sealed class SharedClusterWithoutMembership() : SharedCluster("cluster.enabled=false");
