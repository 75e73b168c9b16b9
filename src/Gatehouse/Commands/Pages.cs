using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary>Reads a list page by page to its end.</summary>
internal static class Pages
{
    private const int PageSize = 1000;

    /// <summary>All of a list.</summary>
    /// <param name="page">Reads some of it: a method of <see cref="Client.ManagerApi"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<IReadOnlyList<T>> AllAsync<T>(PageReader<T> page, CancellationToken cancellation)
    {
        var all = new List<T>();
        while (true)
        {
            var read = await page(cancellation, PageSize, all.Count);
            all.AddRange(read.Items);
            if (read.Items.IsEmpty || all.Count >= read.Total)
            {
                return all;
            }
        }
    }
}

/// <summary>Reads at most <paramref name="limit"/> of a list, behind the first <paramref name="offset"/>.</summary>
internal delegate Task<Page<T>> PageReader<T>(CancellationToken cancellation, int? limit, int? offset);
