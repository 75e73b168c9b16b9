using System.Numerics;
using System.Security.Cryptography;

namespace Gatehouse.Gateway.Throttling;

/// <summary>
/// What is counted together, as a number. Made with keys of this process, so nobody can choose names that share somebody
/// else's counter.
/// </summary>
/// <param name="Id">Unlike for unlike things.</param>
/// <param name="Turn">The same on every worker: decides who gets what is left over when a limit is divided.</param>
internal readonly record struct LimitKey(UInt128 Id, uint Turn)
{
    private static readonly ulong[] s_keys =
    [
        .. Enumerable.Range(0, 4).Select(_ => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1),
    ];

    /// <summary>The key with one more part. Parts have ends: "ab" and "c" is not "a" and "bc".</summary>
    public LimitKey With(ReadOnlySpan<char> part)
    {
        var (high, low, turn) = ((ulong)(Id >> 64), (ulong)Id, Turn);
        while (!part.IsEmpty)
        {
            var length = Math.Min(4, part.Length);
            ulong piece = 0;
            for (var i = 0; i < length; i++)
            {
                piece = (piece << 16) | part[i];
            }

            Mix(ref high, ref low, ref turn, piece, (ulong)length);
            part = part[length..];
        }

        Mix(ref high, ref low, ref turn, 0, 0xFF);
        return new(new(high, low), turn);
    }

    /// <summary>The key with a number as one more part.</summary>
    public LimitKey With(long part)
    {
        var (high, low, turn) = ((ulong)(Id >> 64), (ulong)Id, Turn);
        Mix(ref high, ref low, ref turn, (ulong)part, 0xFE);
        return new(new(high, low), turn);
    }

    private static void Mix(ref ulong high, ref ulong low, ref uint turn, ulong piece, ulong kind)
    {
        high = Fold(high ^ piece ^ s_keys[0], s_keys[1] ^ kind) ^ low;
        low = Fold(low ^ piece ^ s_keys[2], s_keys[3] ^ kind) + high;
        turn = BitOperations.Crc32C(turn, piece ^ (kind << 56));
    }

    private static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }
}
