using System.Buffers;

namespace Gatehouse.Gateway.Strictness;

/// <summary>The bytes of a token: methods and field names (RFC 9110 §5.6.2).</summary>
internal static class Token
{
    public static readonly SearchValues<byte> Bytes = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8
    );
}
