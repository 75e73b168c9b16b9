using System.Text;
using CsCheck;

namespace Gatehouse.Tests.Fuzz;

/// <summary>
/// Bytes near what a parser takes: sound ones, some of whose bytes were changed, removed, repeated, or replaced by words that
/// mean something to it. Bounded, so that every run of the tests has a few thousand of them.
/// </summary>
internal static class Mutations
{
    private const int Longest = 4096;

    /// <summary>Mutations of <paramref name="seeds"/>; now and then one of them as it is.</summary>
    public static Gen<byte[]> Of(IReadOnlyList<byte[]> seeds, params string[] words)
    {
        var pieces = words.Select(Encoding.UTF8.GetBytes).ToArray();
        var step = Gen.Select(Gen.Int[0, 6], Gen.Int[0, int.MaxValue - 1], Gen.Byte, Gen.Int[1, 40]);
        return Gen.Select(Gen.Int[0, seeds.Count - 1], step.Array[0, 6])
            .Select(
                (seed, steps) =>
                {
                    var bytes = seeds[seed].ToList();
                    foreach (var (what, where, value, length) in steps)
                    {
                        Change(bytes, what, where, value, length, pieces);
                    }

                    return bytes.Take(Longest).ToArray();
                }
            );
    }

    /// <summary>The same of texts.</summary>
    public static Gen<string> Of(IReadOnlyList<string> seeds, params string[] words) =>
        Of(seeds.Select(Encoding.Latin1.GetBytes).ToList(), words).Select(Encoding.Latin1.GetString);

    private static void Change(List<byte> bytes, int what, int where, byte value, int length, byte[][] words)
    {
        var at = where % (bytes.Count + 1);
        var most = Math.Min(length, bytes.Count - at);
        switch (what)
        {
            case 0 when at < bytes.Count:
                bytes[at] = value;
                break;
            case 1 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << (value % 8));
                break;
            case 2:
                bytes.Insert(at, value);
                break;
            case 3:
                bytes.RemoveRange(at, most);
                break;
            case 4:
                bytes.InsertRange(at, bytes.GetRange(at, most));
                break;
            case 5 when words.Length > 0:
                bytes.InsertRange(at, words[value % words.Length]);
                break;
            case 6 when words.Length > 0:
                bytes.RemoveRange(at, most);
                bytes.InsertRange(at, words[value % words.Length]);
                break;
        }
    }
}
