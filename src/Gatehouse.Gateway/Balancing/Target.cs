using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Balancing;

/// <summary>One place a request can go to: a backend endpoint, or a node behind a balancer; with its health and load.</summary>
internal sealed class Target
{
    private readonly Func<TimeSpan> _silence;

    // Those under way in the lower half, those that ever came in the upper one, modulo 2^32: one write counts both.
    private long _requests;

    public Target(
        string name,
        Uri url,
        IUpstream upstream,
        Func<TimeSpan> silence,
        TimeProvider time,
        CircuitBreaker? breaker = null
    )
    {
        Name = name;
        Authority = url.Authority;
        Origin = $"{url.Scheme}://{url.Authority}";
        PathPrefix = url.AbsolutePath.TrimEnd('/');
        IsHttps = url.Scheme == Uri.UriSchemeHttps;
        Upstream = upstream;
        _silence = silence;
        Health = new(time, breaker);
        Hash = StableHash.Of(name);
    }

    /// <summary>The URL or the node, for logs.</summary>
    public string Name { get; }

    public string Origin { get; }

    /// <summary>Host and port as the backend is called.</summary>
    public string Authority { get; }

    public string PathPrefix { get; }

    public bool IsHttps { get; }

    public IUpstream Upstream { get; }

    /// <summary>Longest silence before it counts as hanging.</summary>
    public TimeSpan Silence => _silence();

    public TargetHealth Health { get; }

    /// <summary>The node behind it; null for a backend endpoint.</summary>
    public Node? Node { get; init; }

    /// <summary>What stands for it in a sticky cookie; null where there are none.</summary>
    public string? StickyValue { get; init; }

    /// <summary>Counts what it answered; null where the route's meter says the same.</summary>
    public RequestMeter? Meter { get; init; }

    /// <summary>Its share against the others of its pool.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Failover order.</summary>
    public int Group { get; init; }

    /// <summary>Most requests at a time.</summary>
    public int MaxInFlight { get; init; } = int.MaxValue;

    /// <summary>What it is told apart by when requests are spread by a hash; the same on every node.</summary>
    public ulong Hash { get; }

    /// <summary>True when it may be given a request at all, well or not.</summary>
    public bool IsOpen => InFlight < MaxInFlight && !Health.IsCut && Weight > 0;

    /// <summary>Requests it is serving for us now.</summary>
    public int InFlight => (int)Volatile.Read(ref _requests);

    /// <summary>Requests that it was ever given, modulo 2^32.</summary>
    public uint Given => (uint)(Volatile.Read(ref _requests) >> 32);

    public void Enter() => Interlocked.Add(ref _requests, (1L << 32) + 1);

    public void Leave() => Interlocked.Decrement(ref _requests);
}
