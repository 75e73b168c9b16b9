namespace Gatehouse.Gateway.Balancing;

/// <summary>A hash that is the same on every node and after every start; not for anything that must be secret.</summary>
internal static class StableHash
{
    /// <summary>FNV-1a, well mixed.</summary>
    public static ulong Of(ReadOnlySpan<char> text)
    {
        var hash = 14695981039346656037;
        foreach (var character in text)
        {
            hash = (hash ^ character) * 1099511628211;
        }

        return Mix(hash);
    }

    /// <summary>Spreads every bit over all (SplitMix64).</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
