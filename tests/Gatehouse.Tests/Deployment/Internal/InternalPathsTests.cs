using System.Runtime.CompilerServices;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Internal;

public sealed class InternalPathsTests
{
    [Fact]
    public void The_page_in_docs_is_the_table()
    {
        var page = Path.GetFullPath(Path.Combine(ThisFolder(), "../../../../docs/reference/internal-paths.md"));
        if (Environment.GetEnvironmentVariable("GATEHOUSE_REWRITE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(page)!);
            File.WriteAllText(page, InternalPaths.ToMarkdown());
        }

        Assert.Equal(InternalPaths.ToMarkdown(), File.ReadAllText(page));
    }

    [Fact]
    public void No_two_rows_of_one_node_answer_the_same_path()
    {
        foreach (var profile in Enum.GetValues<Profile>())
        {
            var served = InternalPaths
                .All.Where(r => r.ServedBy.Contains(profile))
                .Select(r => (r.Purpose, r.Path))
                .ToList();
            Assert.Equal(served.Distinct().Count(), served.Count);
        }
    }

    [Fact]
    public void Every_method_of_the_wire_has_its_row()
    {
        var methods = Gatehouse
            .Deployment.Wire.FeedReflection.Descriptor.Services.Concat(AnalyticsReflection.Descriptor.Services)
            .SelectMany(s => s.Methods)
            .Select(m => $"/{m.Service.FullName}/{m.Name}")
            .Order(StringComparer.Ordinal);

        var rows = InternalPaths
            .All.Select(r => r.Path)
            .Where(p => p.StartsWith("/gatehouse.", StringComparison.Ordinal))
            .Distinct()
            .Order(StringComparer.Ordinal);

        Assert.Equal(methods, rows);
    }

    private static string ThisFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
