using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>The directives of a <c>Cache-Control</c> that a shared cache obeys (RFC 9111 §5.2). Times in seconds; null when absent.</summary>
internal readonly record struct CacheControl
{
    public bool NoStore { get; init; }
    public bool NoCache { get; init; }
    public bool Private { get; init; }
    public bool Public { get; init; }
    public bool MustRevalidate { get; init; }
    public bool OnlyIfCached { get; init; }
    public long? MaxAge { get; init; }
    public long? SharedMaxAge { get; init; }
    public long? MinFresh { get; init; }
    public long? MaxStale { get; init; }
    public long? StaleWhileRevalidate { get; init; }
    public long? StaleIfError { get; init; }

    public static CacheControl Parse(StringValues header)
    {
        var read = default(CacheControl);
        foreach (var value in header)
        {
            foreach (var range in value.AsSpan().Split(','))
            {
                read = read.With(value.AsSpan()[range].Trim());
            }
        }

        return read;
    }

    private CacheControl With(ReadOnlySpan<char> directive)
    {
        var equals = directive.IndexOf('=');
        var argument = equals < 0 ? "" : directive[(equals + 1)..].Trim().Trim('"');
        Span<char> name = stackalloc char[32];
        var length = (equals < 0 ? directive : directive[..equals]).Trim().ToLowerInvariant(name);
        return length < 0
            ? this
            : name[..length] switch
            {
                "no-store" => this with { NoStore = true },
                // With field names they forbid those only; taken as a whole they forbid more, which is allowed.
                "no-cache" => this with { NoCache = true },
                "private" => this with { Private = true },
                "public" => this with { Public = true },
                "must-revalidate" or "proxy-revalidate" => this with { MustRevalidate = true },
                "only-if-cached" => this with { OnlyIfCached = true },
                "max-age" => this with { MaxAge = Least(MaxAge, Seconds(argument)) },
                "s-maxage" => this with { SharedMaxAge = Least(SharedMaxAge, Seconds(argument)) },
                "min-fresh" => this with { MinFresh = Seconds(argument) },
                "max-stale" => this with { MaxStale = argument.IsEmpty ? int.MaxValue : Seconds(argument) },
                "stale-while-revalidate" => this with { StaleWhileRevalidate = Seconds(argument) },
                "stale-if-error" => this with { StaleIfError = Seconds(argument) },
                _ => this,
            };
    }

    // Unreadable means stale (RFC 9111 §4.2.1); too large means the largest (§1.2.2).
    private static long Seconds(ReadOnlySpan<char> text) =>
        text.IsEmpty || text.ContainsAnyExceptInRange('0', '9') ? 0
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? Math.Min(seconds, int.MaxValue)
        : int.MaxValue;

    // Said twice, the shorter counts: nobody is given what is older than either allows.
    private static long Least(long? before, long now) => before is { } first ? Math.Min(first, now) : now;
}
