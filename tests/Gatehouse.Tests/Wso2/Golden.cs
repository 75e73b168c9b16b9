namespace Gatehouse.Tests.Wso2;

/// <summary>
/// Files of <c>tests/golden/wso2</c>: old files as they were, and beside them, in <c>expected</c>, what reading them gives.
/// <c>GATEHOUSE_REWRITE_GOLDEN=1</c> writes those anew; the diff is then what is reviewed.
/// </summary>
internal static class Golden
{
    /// <summary>The folder of old files.</summary>
    public static string Folder { get; } = Path.Combine(Repository(), "tests", "golden", "wso2");

    /// <summary>An old file or directory.</summary>
    public static string In(params string[] path) => Path.Combine([Folder, .. path]);

    /// <summary>The text is what the golden file holds.</summary>
    public static void Check(string name, string actual)
    {
        var path = In("expected", name);
        actual = actual.Replace(Folder + "/", "", StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("GATEHOUSE_REWRITE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{path} is missing; GATEHOUSE_REWRITE_GOLDEN=1 writes it");
        Assert.Equal(File.ReadAllText(path), actual);
    }

    private static string Repository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Gatehouse.slnx")))
        {
            directory =
                directory.Parent ?? new DirectoryInfo(Environment.GetEnvironmentVariable("GATEHOUSE_REPOSITORY")!);
        }

        return directory.FullName;
    }
}
