namespace Gatehouse.Gateway.Strictness;

/// <summary>Why a request target is refused.</summary>
public enum PathRefusal
{
    /// <summary>It is not.</summary>
    None,

    /// <summary>Neither a path, an http(s) URI nor <c>*</c>.</summary>
    NotATarget,

    /// <summary>An absolute URI without a host, or with user information in it.</summary>
    BadAuthority,

    /// <summary>A <c>.</c> or <c>..</c> segment, plain or encoded.</summary>
    DotSegment,

    /// <summary>Two slashes in a row.</summary>
    EmptySegment,

    /// <summary>A backslash.</summary>
    Backslash,

    /// <summary>A control character, plain or encoded; also in the query when plain.</summary>
    ControlCharacter,

    /// <summary>A space or a character outside ASCII.</summary>
    NotAscii,

    /// <summary>A <c>%</c> without two hexadecimal digits.</summary>
    BadEncoding,

    /// <summary>Encoded bytes that are no UTF-8.</summary>
    InvalidUtf8,

    /// <summary>A <c>#</c>, which never travels in a request.</summary>
    Fragment,

    /// <summary>An encoded slash or backslash where the API does not allow one.</summary>
    EncodedSlash,

    /// <summary>A semicolon where the API does not allow one.</summary>
    Semicolon,
}
