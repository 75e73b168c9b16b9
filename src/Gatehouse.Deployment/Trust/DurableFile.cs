using System.Runtime.InteropServices;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// Writes small files so that after a crash either the old or the new content is there, whole. The runtime's
/// <c>Flush(true)</c> swallows errors of <c>fsync</c> (docs/decisions/0002), so the system call is made here and its answer
/// read.
/// </summary>
public static partial class DurableFile
{
    /// <summary>What the name of a file ends with that is not whole yet; one that a crash left can be deleted.</summary>
    public const string TemporaryMark = ".tmp";

    private const UnixFileMode SecretMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PublicMode = SecretMode | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode SecretDirectoryMode = SecretMode | UnixFileMode.UserExecute;

    /// <summary>
    /// Replaces <paramref name="path"/> with <paramref name="content"/>; on return it is on the disk. Throws
    /// <see cref="IOException"/> when that is not certain; the file then holds its old or its new content, whole.
    /// </summary>
    /// <param name="path">The file; its directory exists.</param>
    /// <param name="content">All of its new content.</param>
    /// <param name="secret">True to let nobody but the owner read it, from the first byte on.</param>
    public static void Write(string path, ReadOnlySpan<byte> content, bool secret = false)
    {
        path = Path.GetFullPath(path);
        var directory = Path.GetDirectoryName(path)!;
        var temporary = $"{path}.{Guid.NewGuid():N}{TemporaryMark}";
        try
        {
            using (var file = new FileStream(temporary, CreateNew(secret)))
            {
                RandomAccess.Write(file.SafeFileHandle, content, 0);
                Sync(file.SafeFileHandle, path);
            }

            File.Move(temporary, path, overwrite: true);
            SyncDirectory(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Discard(temporary);
            throw new IOException($"Cannot write {path}: {e.Message}", e);
        }
    }

    /// <summary>
    /// The same for a file that somebody else writes, which only its owner may read: <paramref name="write"/> gets an empty one to
    /// fill. Throws what that throws, and leaves nothing behind then.
    /// </summary>
    /// <param name="path">The file; its directory exists.</param>
    /// <param name="write">Gets the path of the empty file.</param>
    public static async Task WriteSecretAsync(string path, Func<string, Task> write)
    {
        path = Path.GetFullPath(path);
        var temporary = $"{path}{TemporaryMark}";
        try
        {
            File.Delete(temporary);
            using (new FileStream(temporary, CreateNew(secret: true))) { }

            await write(temporary).ConfigureAwait(false);
            using (var file = File.OpenHandle(temporary, FileMode.Open, FileAccess.ReadWrite))
            {
                Sync(file, path);
            }

            File.Move(temporary, path, overwrite: true);
            SyncDirectory(Path.GetDirectoryName(path)!);
        }
        catch
        {
            Discard(temporary);
            throw;
        }
    }

    /// <summary>Creates <paramref name="path"/> and its parents; readable by the owner only when <paramref name="secret"/>.</summary>
    public static void CreateDirectory(string path, bool secret = false)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        if (secret && !OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path, SecretDirectoryMode);
        }
        else
        {
            Directory.CreateDirectory(path);
        }

        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>
    /// Reads a secret file. Throws <see cref="UnauthorizedAccessException"/> when users other than its owner may read it:
    /// a secret that others saw is none.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="groupMayRead">True for credentials handed over by the service manager, whose access lists show up as group bits.</param>
    public static byte[] ReadSecret(string path, bool groupMayRead = false)
    {
        if (!OperatingSystem.IsWindows())
        {
            var others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
            var group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;
            var mode = File.GetUnixFileMode(path);
            var forbidden = mode & (groupMayRead ? others | UnixFileMode.GroupWrite : others | group);
            if (forbidden != 0)
            {
                throw new UnauthorizedAccessException(
                    $"{path} is a secret, but its mode {Convert.ToString((int)mode, 8)} lets other users in. "
                        + $"If nobody else can have read it: chmod 600 {path}"
                );
            }
        }

        return File.ReadAllBytes(path);
    }

    // The error that brought us here is the one to tell.
    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }

    private static FileStreamOptions CreateNew(bool secret)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = secret ? SecretMode : PublicMode;
        }

        return options;
    }

    internal static void Sync(SafeHandle file, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            RandomAccess.FlushToDisk((Microsoft.Win32.SafeHandles.SafeFileHandle)file);
        }
        else if (FSync(file) != 0)
        {
            throw new IOException($"fsync of {path} failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    // A rename is durable only when the directory that holds the name is.
    private static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = Open(path, 0);
        if (descriptor < 0)
        {
            throw new IOException($"cannot open directory {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        using var directory = new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: true);
        Sync(directory, path);
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeHandle file);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
