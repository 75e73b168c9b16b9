using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>A stored answer. Immutable; a validation makes another.</summary>
internal sealed record CacheEntry
{
    public required string Target { get; init; }

    /// <summary>Which callers it is for: application and kind of key.</summary>
    public required string Partition { get; init; }

    /// <summary>What the request said in the headers that the answer's <c>Vary</c> names (§4.1).</summary>
    public required ImmutableArray<KeyValuePair<string, string>> Varied { get; init; }

    public required int Status { get; init; }
    public required ImmutableArray<KeyValuePair<string, StringValues>> Headers { get; init; }
    public required ReadOnlyMemory<byte> Body { get; init; }
    public required Freshness Freshness { get; init; }
    public required CacheControl Control { get; init; }
    public required string ETag { get; init; }
    public required string LastModified { get; init; }

    /// <summary>What it takes of the memory.</summary>
    public long Size { get; init; }

    public bool HasValidator => ETag.Length > 0 || LastModified.Length > 0;

    public bool IsFor(Exchange exchange, string partition)
    {
        if (Partition != partition)
        {
            return false;
        }

        foreach (var (name, value) in Varied)
        {
            if (exchange.Request.Headers[name].ToString() != value)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The answer from this entry; a 304 when the caller has it (§4.3.2).</summary>
    public Answer ToAnswer(Exchange exchange, string how)
    {
        exchange.IsCacheHit = true;
        var headers = Headers
            .Add(new("Age", Freshness.AgeAt(exchange.Now).ToString(CultureInfo.InvariantCulture)))
            .Add(new("Cache-Status", $"gatehouse; {how}"));
        return IsKnownTo(exchange.Request.Headers)
            ? new()
            {
                Status = 304,
                Headers = headers.RemoveAll(h => h.Key.Equals("Content-Type", StringComparison.OrdinalIgnoreCase)),
            }
            : new()
            {
                Status = Status,
                Headers = headers,
                Body = Body,
            };
    }

    private bool IsKnownTo(IHeaderDictionary request)
    {
        if (Status != 200)
        {
            return false;
        }

        // Who sends both means the tag (RFC 9110 §13.1.3).
        if (request.IfNoneMatch.Count > 0)
        {
            var plain = Weak(ETag);
            foreach (var tag in request.IfNoneMatch.ToString().Split(',', StringSplitOptions.TrimEntries))
            {
                if (tag == "*" || (plain.Length > 0 && Weak(tag) == plain))
                {
                    return true;
                }
            }

            return false;
        }

        return request.IfModifiedSince.Count > 0
            && Freshness.DateOf(request.IfModifiedSince.ToString()) is { } since
            && Freshness.DateOf(LastModified) is { } modified
            && modified <= since;
    }

    private static string Weak(string tag) => tag.StartsWith("W/", StringComparison.Ordinal) ? tag[2..] : tag;
}
