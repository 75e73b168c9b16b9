namespace Gatehouse.Gateway.Strictness;

/// <summary>How a request names what it wants (RFC 9112 §3.2).</summary>
public enum TargetForm
{
    /// <summary><c>/path?query</c>.</summary>
    Origin,

    /// <summary><c>http://host/path?query</c>.</summary>
    Absolute,

    /// <summary><c>*</c>.</summary>
    Asterisk,
}

/// <summary>What is in a path that an API may or may not allow, or that matching has to look at.</summary>
[Flags]
public enum PathTraits
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>An encoded slash or backslash, also one encoded twice.</summary>
    EncodedSlash = 1,

    /// <summary>A semicolon, plain or encoded.</summary>
    Semicolon = 2,

    /// <summary>An unreserved character is encoded, so the form to match differs from the form to forward.</summary>
    EncodedUnreserved = 4,
}

/// <summary>What the judge found in a request target; ranges are positions in the raw target.</summary>
/// <param name="Refusal">Why the target is refused whatever the API; <see cref="PathRefusal.None"/> when it is not.</param>
/// <param name="Form">The form of the target.</param>
/// <param name="Traits">What the API's rules and matching have to look at.</param>
/// <param name="PathStart">Where the path begins.</param>
/// <param name="PathLength">Length of the path; 0 for <c>http://host</c>, which means <c>/</c>.</param>
public readonly record struct PathVerdict(
    PathRefusal Refusal,
    TargetForm Form,
    PathTraits Traits,
    int PathStart,
    int PathLength
)
{
    /// <summary>The verdict under the rules of the API that was matched.</summary>
    public PathRefusal Under(PathRules rules) =>
        Refusal != PathRefusal.None ? Refusal
        : (Traits & PathTraits.EncodedSlash) != 0 && !rules.AllowEncodedSlash ? PathRefusal.EncodedSlash
        : (Traits & PathTraits.Semicolon) != 0 && !rules.AllowSemicolon ? PathRefusal.Semicolon
        : PathRefusal.None;

    /// <summary>The path byte for byte as it was sent, to forward.</summary>
    public ReadOnlySpan<char> Path(string rawTarget) =>
        PathLength == 0 && Form == TargetForm.Absolute ? "/" : rawTarget.AsSpan(PathStart, PathLength);

    /// <summary>The query with its question mark as it was sent, or nothing.</summary>
    public ReadOnlySpan<char> Query(string rawTarget) => rawTarget.AsSpan(PathStart + PathLength);
}
