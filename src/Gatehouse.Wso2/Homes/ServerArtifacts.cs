using System.Collections.Immutable;

namespace Gatehouse.Wso2;

/// <summary>What lies in <c>repository/deployment/server</c> of an old node and would have been deployed by it.</summary>
internal static class ServerArtifacts
{
    private const int Most = 1000;
    private static readonly string[] s_kinds = ["api", "proxy-services", "inbound-endpoints"];

    /// <summary>Paths below the home, sorted; those of tenants too.</summary>
    public static ImmutableArray<string> In(string home)
    {
        var roots = new List<string>
        {
            Path.Combine(home, "repository", "deployment", "server", "synapse-configs", "default"),
        };
        var tenants = Path.Combine(home, "repository", "tenants");
        if (Directory.Exists(tenants))
        {
            roots.AddRange(
                Directory.EnumerateDirectories(tenants).Select(t => Path.Combine(t, "synapse-configs", "default"))
            );
        }

        return
        [
            .. roots
                .SelectMany(root => s_kinds.Select(kind => Path.Combine(root, kind)))
                .Where(Directory.Exists)
                .SelectMany(folder => Directory.EnumerateFiles(folder, "*.xml"))
                .Select(file => Path.GetRelativePath(home, file))
                .Order(StringComparer.Ordinal)
                .Take(Most),
        ];
    }
}
