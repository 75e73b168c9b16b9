using System.Buffers;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// Arrays of the two usual sizes, kept by the loop that gives them back. The shared pool keeps one of a size for a thread and
/// some for a core; a loop takes thirty in one turn and gives as many back in another, so most were made anew. Everything
/// else, and every other thread, is served by the shared pool.
/// </summary>
internal static class LoopArrays
{
    public const int Small = 4 * 1024;
    public const int Medium = 16 * 1024;

    // With both sizes, 1.25 MiB a loop.
    private const int MostKept = 64;

    [ThreadStatic]
    private static Stack<byte[]>? t_small;

    [ThreadStatic]
    private static Stack<byte[]>? t_medium;

    public static byte[] Rent(int atLeast)
    {
        var kept =
            atLeast <= Small ? t_small
            : atLeast <= Medium ? t_medium
            : null;
        return kept is not null && kept.TryPop(out var array)
            ? array
            : ArrayPool<byte>.Shared.Rent(Math.Max(atLeast, Small));
    }

    public static void Return(byte[] array)
    {
        if (Loop.Current is not null && array.Length is (Small or Medium))
        {
            var kept = array.Length == Small ? t_small ??= new(MostKept) : t_medium ??= new(MostKept);
            if (kept.Count < MostKept)
            {
                kept.Push(array);
                return;
            }
        }

        ArrayPool<byte>.Shared.Return(array);
    }
}
