using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>A part of a list.</summary>
/// <param name="Items">The part.</param>
/// <param name="Total">How many there are in all.</param>
/// <param name="Offset">How many were left out before it.</param>
/// <param name="Limit">How many it may hold.</param>
public sealed record Page<T>(ImmutableArray<T> Items, int Total, int Offset, int Limit);

/// <summary>How a list is cut into pages: <c>?limit=&amp;offset=</c>.</summary>
internal static class Paging
{
    private const int DefaultLimit = 100;
    private const int MaxLimit = 1000;

    /// <summary>Takes the page out of <paramref name="all"/>. Throws <see cref="ProblemsException"/> on senseless numbers.</summary>
    public static Page<T> Of<T>(IReadOnlyList<T> all, int? limit, int? offset)
    {
        var (take, skip) = Bounds(limit, offset);
        return new([.. all.Skip(skip).Take(take)], all.Count, skip, take);
    }

    /// <summary>How many a page holds, and how many it leaves out before. Throws <see cref="ProblemsException"/> on senseless numbers.</summary>
    public static (int Take, int Skip) Bounds(int? limit, int? offset)
    {
        if (limit is < 1 or > MaxLimit)
        {
            throw new ProblemsException([new("limit", $"'limit' is between 1 and {MaxLimit}", "leave it out")]);
        }

        if (offset is < 0)
        {
            throw new ProblemsException([new("offset", "'offset' is 0 or more", "leave it out")]);
        }

        return (limit ?? DefaultLimit, offset ?? 0);
    }
}
