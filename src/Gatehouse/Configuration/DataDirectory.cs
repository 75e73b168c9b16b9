using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Deployment.Trust;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Configuration;

/// <summary>
/// The one place a node keeps things: identity, store, catalogue, logs. Held by one process at a time: the kernel's lock on
/// <c>node.lock</c> goes with the process, however it ends; <c>node.pid</c> says which it is.
/// </summary>
internal sealed class DataDirectory : IDisposable
{
    /// <summary>The node's file inside it.</summary>
    public const string ConfigurationFileName = "gatehouse.yaml";

    /// <summary>The default for help.</summary>
    public const string DefaultInWords = "/var/lib/gatehouse as root, else ~/.local/share/gatehouse";

    private readonly SafeFileHandle _lock;

    private DataDirectory(string path, SafeFileHandle @lock)
    {
        Path = path;
        _lock = @lock;
    }

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <summary>The managers' database file on a data directory.</summary>
    public static string CatalogueFile(string path) => System.IO.Path.Combine(path, "catalogue", "catalogue.db");

    /// <summary>Certificates and keys.</summary>
    public string Pki => System.IO.Path.Combine(Path, "pki");

    /// <summary>The node's own file of the entities it was fed.</summary>
    public string Store => System.IO.Path.Combine(Path, "store");

    /// <summary>The managers' database.</summary>
    public string Catalogue => System.IO.Path.Combine(Path, "catalogue");

    /// <summary>Logs, for who asks for files.</summary>
    public string Logs => System.IO.Path.Combine(Path, "logs");

    /// <summary>Where <c>gatehouse reload</c> and <c>status</c> reach the running node.</summary>
    public static string ControlSocket(string path) => System.IO.Path.Combine(path, "control.sock");

    /// <summary>Where a node of this user keeps its data when nobody says.</summary>
    public static string Default(Func<string, string?> environment)
    {
        if (Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows())
        {
            return "/var/lib/gatehouse";
        }

        var home =
            environment("XDG_DATA_HOME") is { Length: > 0 } data && System.IO.Path.IsPathRooted(data)
                ? data
                : System.IO.Path.Combine(
                    environment("HOME") is { Length: > 0 } user
                        ? user
                        : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile),
                    ".local",
                    "share"
                );
        return System.IO.Path.Combine(home, "gatehouse");
    }

    /// <summary>
    /// Where the node of an old home keeps its data: beside this user's other data, named by the home's whole path. Not in the
    /// home: homes are copied to make the next worker, and a copy must not be the same node.
    /// </summary>
    public static string OfHome(string home, Func<string, string?> environment)
    {
        var full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(home));
        var digest = Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(full))
        );
        return System.IO.Path.Combine(
            Default(environment),
            "homes",
            $"{System.IO.Path.GetFileName(full)}-{digest[..8]}"
        );
    }

    /// <summary>
    /// Creates what is missing (mode 0700) and takes the lock. A <see cref="CommandFailure"/> names the process that holds it.
    /// </summary>
    public static DataDirectory Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            DurableFile.CreateDirectory(path, secret: true);
            var directory = new DataDirectory(path, Lock(path));
            foreach (var part in (string[])[directory.Pki, directory.Store, directory.Catalogue, directory.Logs])
            {
                DurableFile.CreateDirectory(part, secret: true);
            }

            return directory;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                $"the data directory cannot be used: {e.Message}",
                path,
                "make it writable for this user, or give another with --data DIR",
                cause: e
            );
        }
    }

    /// <summary>The process that holds the directory; null when none does, or when it is not known which.</summary>
    public static int? HolderOf(string path)
    {
        if (!File.Exists(LockFile(path)))
        {
            return null;
        }

        try
        {
            File.OpenHandle(LockFile(path), FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return null;
        }
        catch (IOException)
        {
            return ReadHolder(path);
        }
    }

    /// <summary>Lets go of the lock.</summary>
    public void Dispose() => _lock.Dispose();

    // FileShare.None is flock(2) on Unix: the kernel drops it with the process, and a child does not inherit it.
    private static SafeFileHandle Lock(string path)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(LockFile(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            var holder = ReadHolder(path);
            throw new CommandFailure(
                ExitCode.Failed,
                holder is { } pid
                    ? $"the data directory is in use by process {pid}{NameOf(pid)}"
                    : "the data directory is in use by another process",
                path,
                "stop that node first, or give this one a directory of its own with --data DIR",
                cause: e
            );
        }

        File.WriteAllText(HolderFile(path), $"{Environment.ProcessId}\n");
        return handle;
    }

    private static int? ReadHolder(string path)
    {
        try
        {
            return int.TryParse(
                File.ReadAllText(HolderFile(path)).Trim(),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var pid
            )
                ? pid
                : null;
        }
        catch (IOException)
        {
            return null; // it has just taken the lock and not said who it is yet
        }
    }

    private static string NameOf(int pid)
    {
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(pid);
            return $" ({process.ProcessName})";
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return ""; // it ended in this moment, or lives in another PID namespace
        }
    }

    private static string LockFile(string path) => System.IO.Path.Combine(path, "node.lock");

    private static string HolderFile(string path) => System.IO.Path.Combine(path, "node.pid");
}
