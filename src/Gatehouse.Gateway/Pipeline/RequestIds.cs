using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>Names every request: by what the caller calls it when that is harmless in logs and headers, else by a new name.</summary>
internal static class RequestIds
{
    private const int Longest = 128;

    private static readonly SearchValues<char> s_allowed = SearchValues.Create(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:/+=@"
    );

    // Unique across restarts and nodes by the random part, within the process by the counter.
    private static readonly string s_process = RandomNumberGenerator.GetHexString(16, lowercase: true);
    private static int s_next;

    public static string For(StringValues presented) =>
        presented.Count == 1
        && presented[0] is { Length: > 0 and <= Longest } id
        && !id.AsSpan().ContainsAnyExcept(s_allowed)
            ? id
            : New();

    private static string New() =>
        string.Create(
            24,
            Interlocked.Increment(ref s_next),
            static (text, number) =>
            {
                Span<byte> bytes = stackalloc byte[sizeof(int)];
                BinaryPrimitives.WriteInt32BigEndian(bytes, number);
                s_process.CopyTo(text);
                Convert.TryToHexStringLower(bytes, text[16..], out _);
            }
        );
}
