using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary>Reads a list page by page to its end.</summary>
internal static class Pages
{
    private const int PageSize = 1000;

    public static async Task<IReadOnlyList<T>> AllAsync<T>(Call call, string path, CancellationToken cancellation)
    {
        var all = new List<T>();
        var separator = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        while (true)
        {
            var page = await call.Manager.GetAsync<Page<T>>(
                $"{path}{separator}limit={PageSize}&offset={all.Count}",
                cancellation
            );
            all.AddRange(page.Items);
            if (page.Items.IsEmpty || all.Count >= page.Total)
            {
                return all;
            }
        }
    }
}
