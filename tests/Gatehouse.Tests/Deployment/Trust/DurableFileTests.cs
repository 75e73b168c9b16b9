using System.Diagnostics;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class DurableFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-file-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_file_that_somebody_else_fails_to_write_leaves_the_former_one_and_nothing_beside_it()
    {
        var directory = Directory.CreateTempSubdirectory("gatehouse-durable-").FullName;
        try
        {
            var path = Path.Combine(directory, "copy");
            await DurableFile.WriteSecretAsync(path, p => File.WriteAllTextAsync(p, "whole"));

            await Assert.ThrowsAsync<IOException>(() =>
                DurableFile.WriteSecretAsync(
                    path,
                    async p =>
                    {
                        await File.WriteAllTextAsync(p, "half");
                        throw new IOException("No space left on device");
                    }
                )
            );

            Assert.Equal("whole", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
            Assert.Equal([path], Directory.GetFiles(directory));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void A_file_is_replaced_whole_and_leaves_nothing_beside_it()
    {
        var path = Path.Combine(_folder, "a");
        DurableFile.Write(path, "first, and longer"u8);
        DurableFile.Write(path, "second"u8);

        Assert.Equal("second", File.ReadAllText(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
            TestCluster.ModeOf(path)
        );
    }

    [Fact]
    public void A_secret_is_for_its_owner_even_when_it_replaces_an_open_file()
    {
        var path = Path.Combine(_folder, "a");
        File.WriteAllText(path, "public");
        DurableFile.Write(path, "secret"u8, secret: true);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, TestCluster.ModeOf(path));
        Assert.Equal("secret", System.Text.Encoding.UTF8.GetString(DurableFile.ReadSecret(path)));
    }

    [Fact]
    public void A_folder_that_is_not_there_or_not_writable_is_named()
    {
        var path = Path.Combine(_folder, "missing", "a");
        Assert.Contains(
            path,
            Assert.Throws<IOException>(() => DurableFile.Write(path, "x"u8)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_error_of_fsync_is_seen()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "fsync is a Unix call");

        // A device has nothing to sync: the call answers EINVAL, which the runtime's own flush would keep to itself.
        using var device = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write);

        var seen = Assert.Throws<IOException>(() => DurableFile.Sync(device, "/dev/null"));
        Assert.Contains("Invalid argument", seen.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_disk_is_reported_and_the_old_content_stays()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Environment.UserName == "root",
            "mounting a small disk needs root"
        );
        var disk = Directory.CreateDirectory(Path.Combine(_folder, "disk")).FullName;
        Assert.SkipUnless(
            Run("mount", "-t", "tmpfs", "-o", "size=64k", "none", disk) == 0,
            "no tmpfs can be mounted here"
        );
        try
        {
            var path = Path.Combine(disk, "a");
            DurableFile.Write(path, "old"u8, secret: true);

            var full = Assert.Throws<IOException>(() => DurableFile.Write(path, new byte[256 << 10], secret: true));

            Assert.Contains("No space left on device", full.Message, StringComparison.Ordinal);
            Assert.Contains(path, full.Message, StringComparison.Ordinal);
            Assert.Equal("old", File.ReadAllText(path));
            Assert.Single(Directory.GetFileSystemEntries(disk));
        }
        finally
        {
            Run("umount", disk);
        }
    }

    private static int Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
