using System.Collections.Immutable;
using Gatehouse.Gateway.Routing;

namespace Gatehouse.Gateway.Throttling;

/// <summary>Immutable: every limit and block, and how limits are divided. The counters are the same for every table.</summary>
internal sealed record LimitTable(CounterStore Counters, ThrottleMeter Meter)
{
    /// <summary>No limits at all.</summary>
    public static readonly LimitTable Empty = new(new(0), new());

    private static long s_versions;

    public PersistentMap<CompiledPlan> Plans { get; init; } = PersistentMap<CompiledPlan>.Empty;

    public PersistentMap<CompiledApplicationPolicy> ApplicationPolicies { get; init; } =
        PersistentMap<CompiledApplicationPolicy>.Empty;

    public PersistentMap<CompiledApiPolicy> ApiPolicies { get; init; } = PersistentMap<CompiledApiPolicy>.Empty;

    /// <summary>By name.</summary>
    public ImmutableArray<CompiledRule> Rules { get; init; } = [];

    public BlockList Blocks { get; init; } = BlockList.Empty;

    /// <summary>The registered workers, by name.</summary>
    public ImmutableSortedSet<string> Workers { get; init; } = ImmutableSortedSet<string>.Empty;

    public EvenShares Shares { get; init; } = EvenShares.Alone;

    /// <summary>What divides limits; one interface, so that leases can take the place of even shares.</summary>
    public ILimiter Limiter => Shares;

    /// <summary>Unlike for unlike tables: what was looked up in one of another version is looked up again.</summary>
    public long Version { get; private init; }

    /// <summary>This table as one that nothing was looked up in yet.</summary>
    public LimitTable AsNew() => this with { Version = Interlocked.Increment(ref s_versions) };
}
