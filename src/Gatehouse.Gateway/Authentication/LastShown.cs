using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// Digests of what callers of one connection show. Most show the same with every request, so the last one is remembered:
/// hashing it again costs ten times as much as a look. One per connection, used by one request at a time.
/// </summary>
internal sealed class LastShown
{
    // Longer than any secret of ours; a longer text is remembered too, but told apart only by being the same object, which
    // the server's parser makes of an unchanged Authorization.
    private const int LongestCompared = 128;

    private string? _text;
    private Digest _digest;
    private string? _header;
    private string _token = "";

    /// <summary>Header text is Latin-1 of the bytes on the wire, so this hashes exactly the bytes that were sent.</summary>
    public Digest DigestOf(string text)
    {
        if (!IsLast(text))
        {
            _digest = Hash(text);
            _text = text;
        }

        return _digest;
    }

    /// <summary>What follows the scheme's name in an <c>Authorization</c>.</summary>
    public string TokenOf(string header, int start)
    {
        if (!ReferenceEquals(header, _header))
        {
            (_header, _token) = (header, header[start..]);
        }

        return _token;
    }

    public void Forget() => (_text, _header) = (null, null);

    // In a time that does not tell how much of it is right: a proxy's connection is shared by many callers.
    private bool IsLast(string text) =>
        ReferenceEquals(text, _text)
        || _text is not null && text.Length <= LongestCompared && text.Length == _text.Length && AreEqual(text, _text);

    // CryptographicOperations.FixedTimeEquals is never optimised and takes as long as half a hash. Here too every character
    // is looked at, whatever those before it were.
    private static bool AreEqual(ReadOnlySpan<char> one, ReadOnlySpan<char> other)
    {
        var difference = 0;
        for (var i = 0; i < one.Length; i++)
        {
            difference |= one[i] ^ other[i];
        }

        return difference == 0;
    }

    private static Digest Hash(string text)
    {
        const int onStack = 2048;
        if (text.Length <= onStack)
        {
            Span<byte> bytes = stackalloc byte[onStack];
            return Digest.Of(bytes[..Encoding.Latin1.GetBytes(text, bytes)]);
        }

        var rented = ArrayPool<byte>.Shared.Rent(text.Length);
        try
        {
            return Digest.Of(rented.AsSpan(0, Encoding.Latin1.GetBytes(text, rented)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(rented);
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
