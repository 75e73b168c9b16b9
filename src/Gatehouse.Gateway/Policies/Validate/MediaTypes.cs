using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>What stands for each media type or range that an operation describes.</summary>
internal sealed class MediaTypes<T>(IEnumerable<(string Type, T Value)> types)
    where T : class
{
    private readonly (string Type, T Value)[] _types = [.. types];

    public bool IsEmpty => _types.Length == 0;

    public bool FirstIsJson => _types is [var first, ..] && MediaTypes.IsJson(first.Type);

    /// <summary>What a content type means: the exact type, then <c>type/*</c>, then <c>*/*</c>; one that is left out is the first. False when it is none of them.</summary>
    public bool TryFind(StringValues contentType, out T? value)
    {
        value = null;
        if (_types.Length == 0)
        {
            return true;
        }

        if (contentType.Count == 0)
        {
            value = _types[0].Value;
            return true;
        }

        var type = MediaTypes.Of(contentType);
        var best = -1;
        foreach (var (range, one) in _types)
        {
            var rank =
                type.Equals(range, StringComparison.OrdinalIgnoreCase) ? 2
                : range == "*/*" ? 0
                : range.EndsWith("/*", StringComparison.Ordinal)
                && type.StartsWith(range.AsSpan(0, range.Length - 1), StringComparison.OrdinalIgnoreCase)
                    ? 1
                : -1;
            if (rank > best)
            {
                (best, value) = (rank, one);
            }
        }

        return best >= 0;
    }

    public override string ToString() => string.Join(", ", _types.Select(t => t.Type));
}

/// <summary>What kind of text a media type is.</summary>
internal static class MediaTypes
{
    /// <summary>Without parameters.</summary>
    public static ReadOnlySpan<char> Of(StringValues contentType)
    {
        var text = contentType.ToString().AsSpan();
        var end = text.IndexOf(';');
        return (end < 0 ? text : text[..end]).Trim();
    }

    /// <summary>JSON, or something written in it (RFC 6839 §3.1).</summary>
    public static bool IsJson(StringValues contentType)
    {
        var type = Of(contentType);
        return type.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.Equals("text/json", StringComparison.OrdinalIgnoreCase)
            || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A form as browsers send it.</summary>
    public static bool IsForm(StringValues contentType) =>
        Of(contentType).Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase);
}
