namespace Gatehouse.ClusterTests.Harness;

/// <summary>A test on a cluster; when it fails, what every process printed is part of its output.</summary>
public abstract class ClusterTest : IAsyncDisposable
{
    private RealCluster? _own;
    private Func<string>? _output;

    /// <summary>For figures.</summary>
    private protected static void Print(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);

    /// <summary>The test's own cluster goes with it.</summary>
    private protected RealCluster Owned(RealCluster cluster)
    {
        _own = cluster;
        return Watched(cluster);
    }

    /// <summary>A cluster that other tests use too.</summary>
    private protected RealCluster Watched(RealCluster cluster)
    {
        _output = () => cluster.Output;
        return cluster;
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed && _output is not null)
        {
            Print(_output());
        }

        if (_own is not null)
        {
            await _own.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}
