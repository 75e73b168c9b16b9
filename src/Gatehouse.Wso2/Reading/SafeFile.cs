using Gatehouse.Model;

namespace Gatehouse.Wso2;

/// <summary>Reads files that somebody else wrote: bounded, and with the reason when they cannot be read.</summary>
internal static class SafeFile
{
    /// <summary>No configuration or definition of a real installation comes near it.</summary>
    public const long MaxBytes = 16 << 20;

    /// <summary>The file's bytes; null when it cannot be read, and then the log says why.</summary>
    public static byte[]? Read(string path, ReadingLog log, long maxBytes = MaxBytes)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > maxBytes)
            {
                log.Add(
                    new Problem(
                        "",
                        $"the file has {file.Length:N0} bytes, more than the {maxBytes:N0} that are read",
                        "is this the right file?",
                        path
                    )
                );
                return null;
            }

            // A device or a pipe says 0 and has no end.
            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Add(
                new Problem("", $"the file cannot be read: {e.Message}", "check the path and the rights on it", path)
            );
            return null;
        }
    }
}
