using System.IO.Compression;

namespace Gatehouse.Wso2;

/// <summary>The files of one API project, in a folder or in an archive. Names have <c>/</c> and no folder in front.</summary>
internal sealed class ProjectFiles
{
    private readonly SortedDictionary<string, Func<byte[]?>> _files;

    public ProjectFiles(string display, IEnumerable<KeyValuePair<string, Func<byte[]?>>> files)
    {
        Display = display;
        _files = new(files.DistinctBy(f => f.Key).ToDictionary(f => f.Key, f => f.Value), StringComparer.Ordinal);
    }

    /// <summary>The folder, or <c>archive.zip!</c>.</summary>
    public string Display { get; }

    public IEnumerable<string> Names => _files.Keys;

    /// <summary>The first of these that is there.</summary>
    public string? First(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (_files.ContainsKey(name))
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>A file's bytes; null when it cannot be read, and then the log says why.</summary>
    public byte[]? Read(string name) => _files[name]();

    public string PathOf(string name) => $"{Display}/{name}";
}

/// <summary>A folder that apictl made.</summary>
internal static class ProjectFolder
{
    private const int MaxFiles = 2000;

    public static ProjectFiles Of(string path, ReadingLog log) =>
        new(
            path,
            Directory
                .EnumerateFiles(path, "*", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Take(MaxFiles)
                .Select(file =>
                    KeyValuePair.Create(
                        Path.GetRelativePath(path, file).Replace('\\', '/'),
                        (Func<byte[]?>)(() => SafeFile.Read(file, log))
                    )
                )
        );
}

/// <summary>
/// A <c>.zip</c> that apictl or the old import/export tool made: one project, or several in a folder each. Nothing is unpacked
/// to the disk; sizes are counted as they are read, because the archive's own figures may lie.
/// </summary>
internal static class ProjectArchive
{
    private const int MaxEntries = 5000;
    private const long MaxTotal = 128 << 20;

    public static void Read(string path, Import import)
    {
        try
        {
            using var zip = ZipFile.OpenRead(path);
            if (zip.Entries.Count > MaxEntries)
            {
                import.Log.Problem(
                    new Place(path),
                    "",
                    $"the archive has more than {MaxEntries} entries",
                    "is this the right file?"
                );
                return;
            }

            var left = MaxTotal;
            var entries = zip
                .Entries.Where(e => e.Name.Length > 0)
                .Select(e => (Name: e.FullName.Replace('\\', '/').TrimStart('/'), Entry: e))
                .Where(e => !e.Name.Split('/').Contains(".."))
                .ToList();
            var roots = entries
                .Select(e => RootOf(e.Name))
                .OfType<string>()
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal)
                .ToList();
            if (roots.Count == 0)
            {
                import.Log.Problem(
                    new Place(path),
                    "",
                    "the archive holds no API project",
                    "export one with 'apictl export api -n NAME -v VERSION -e ENVIRONMENT'"
                );
            }

            foreach (var root in roots)
            {
                ApiProject.Read(
                    new ProjectFiles(
                        root.Length == 0 ? $"{path}!" : $"{path}!/{root.TrimEnd('/')}",
                        entries
                            .Where(e => e.Name.StartsWith(root, StringComparison.Ordinal))
                            .Select(e =>
                                KeyValuePair.Create(
                                    e.Name[root.Length..],
                                    (Func<byte[]?>)(() => Unpack(e.Entry, $"{path}!/{e.Name}", import.Log, ref left))
                                )
                            )
                    ),
                    import
                );
            }
        }
        catch (Exception e)
            when (e is InvalidDataException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            import.Log.Problem(new Place(path), "", $"the archive cannot be read: {e.Message}", "export it again");
        }
    }

    private static string? RootOf(string name)
    {
        foreach (
            var mark in (string[])["api.yaml", "api.json", "Meta-information/api.yaml", "Meta-information/api.json"]
        )
        {
            if (name == mark || name.EndsWith($"/{mark}", StringComparison.Ordinal))
            {
                var root = name[..^mark.Length];
                // "x/Meta-information/api.json" ends in "api.json" too.
                return root.EndsWith("Meta-information/", StringComparison.Ordinal)
                    ? root[..^"Meta-information/".Length]
                    : root;
            }
        }

        return null;
    }

    private static byte[]? Unpack(ZipArchiveEntry entry, string display, ReadingLog log, ref long left)
    {
        try
        {
            using var stream = entry.Open();
            using var memory = new MemoryStream();
            var buffer = new byte[81920];
            int read;
            while ((read = stream.Read(buffer)) > 0)
            {
                left -= read;
                if (memory.Length + read > SafeFile.MaxBytes || left < 0)
                {
                    log.Problem(
                        new Place(display),
                        "",
                        "the archive unpacks to more than is read",
                        "is this the right file?"
                    );
                    return null;
                }

                memory.Write(buffer, 0, read);
            }

            return memory.ToArray();
        }
        catch (InvalidDataException e)
        {
            log.Problem(new Place(display), "", $"the archive is damaged here: {e.Message}", "export it again");
            return null;
        }
    }
}
