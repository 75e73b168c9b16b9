using System.Globalization;

namespace Gatehouse.Gateway.Policies;

/// <summary>How old an answer is and how long it is good (RFC 9111 §4.2). Pure; times in seconds.</summary>
/// <param name="Lifetime">How long it is fresh from its making on.</param>
/// <param name="InitialAge">How old it was when it came (§4.2.3 <c>corrected_initial_age</c>).</param>
/// <param name="Came">When it came.</param>
internal readonly record struct Freshness(long Lifetime, long InitialAge, DateTimeOffset Came)
{
    /// <param name="control">The answer's directives.</param>
    /// <param name="expires">The answer's <c>Expires</c>, as sent; empty for none.</param>
    /// <param name="date">The answer's <c>Date</c>; null for none.</param>
    /// <param name="age">The answer's <c>Age</c>; 0 for none.</param>
    /// <param name="asked">When it was asked for.</param>
    /// <param name="came">When it came.</param>
    /// <param name="otherwise">Lifetime of an answer that says nothing.</param>
    public static Freshness Of(
        in CacheControl control,
        string expires,
        DateTimeOffset? date,
        long age,
        DateTimeOffset asked,
        DateTimeOffset came,
        long otherwise
    )
    {
        var made = date ?? came;
        var apparent = Math.Max(0, Seconds(came - made));
        var corrected = Math.Max(0, age) + Math.Max(0, Seconds(came - asked));
        return new(LifetimeOf(control, expires, made, otherwise), Math.Max(apparent, corrected), came);
    }

    /// <summary>True when the answer says how long it is good.</summary>
    public static bool IsExplicit(in CacheControl control, string expires) =>
        control.SharedMaxAge is not null || control.MaxAge is not null || expires.Length > 0;

    /// <summary>§4.2.3 <c>current_age</c>.</summary>
    public long AgeAt(DateTimeOffset now) => InitialAge + Math.Max(0, Seconds(now - Came));

    /// <summary>How long it is still fresh; negative: how long it has been stale.</summary>
    public long LeftAt(DateTimeOffset now) => Lifetime - AgeAt(now);

    /// <summary>Reads a date of HTTP; null when it is none.</summary>
    public static DateTimeOffset? DateOf(string text) =>
        DateTimeOffset.TryParseExact(
            text,
            ["r", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy", "ddd MMM  d HH:mm:ss yyyy"],
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal,
            out var date
        )
            ? date
            : null;

    private static long LifetimeOf(in CacheControl control, string expires, DateTimeOffset made, long otherwise) =>
        control.SharedMaxAge
        ?? control.MaxAge
        // "0" and everything else that is no date means: expired already (§5.3).
        ?? (
            expires.Length == 0 ? otherwise
            : DateOf(expires) is { } at ? Math.Max(0, Seconds(at - made))
            : 0
        );

    private static long Seconds(TimeSpan time) => (long)Math.Floor(time.TotalSeconds);
}
