namespace Gatehouse.Cluster.Runtime;

/// <summary>How long to wait before the next try.</summary>
internal static class Backoff
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>A runtime that lived this long did not die of how it starts.</summary>
    private static readonly TimeSpan s_lived = TimeSpan.FromMinutes(1);

    /// <summary>The pause before the next runtime, after one that lived <paramref name="lived"/>.</summary>
    public static TimeSpan Next(TimeSpan? last, TimeSpan lived) =>
        last is null || lived >= s_lived ? First
        : last.Value * 1.5 < Longest ? last.Value * 1.5
        : Longest;

    /// <summary>The pause between two rounds of the search: short while all nodes start together.</summary>
    public static TimeSpan Search(TimeSpan elapsed) =>
        elapsed < TimeSpan.FromSeconds(10) ? TimeSpan.FromMilliseconds(500) : TimeSpan.FromSeconds(2);
}
