using System.Diagnostics;
using Gatehouse.Cli;
using Gatehouse.Configuration;

namespace Gatehouse.Tests.Configuration;

public sealed class DataDirectoryTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _root = Directory.CreateTempSubdirectory("gatehouse-data-").FullName;

    private string Data => Path.Combine(_root, "node");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void It_is_made_with_its_parts_for_its_owner_only()
    {
        using var directory = DataDirectory.Open(Data);

        Assert.All(
            [directory.Path, directory.Pki, directory.Store, directory.Catalogue, directory.Logs],
            path => Assert.Equal(OwnerOnly, File.GetUnixFileMode(path))
        );
    }

    [Fact]
    public void A_directory_in_use_names_the_process_that_holds_it()
    {
        Directory.CreateDirectory(Data);
        using var holder = HoldInAnotherProcess();

        var failure = Assert.Throws<CommandFailure>(() => DataDirectory.Open(Data));

        Assert.StartsWith(
            $"the data directory is in use by process {holder.Id} (",
            failure.Message,
            StringComparison.Ordinal
        );
        Assert.Equal(Data, failure.Where);
        Assert.Equal(holder.Id, DataDirectory.HolderOf(Data));
        holder.Kill(entireProcessTree: true);
    }

    [Fact]
    public async Task The_lock_goes_with_the_process_that_was_killed()
    {
        Directory.CreateDirectory(Data);
        using (var holder = HoldInAnotherProcess())
        {
            holder.Kill(entireProcessTree: true);
            await holder.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Null(DataDirectory.HolderOf(Data));
        using var directory = DataDirectory.Open(Data);
        using (Assert.IsType<DataDirectory>(directory))
        {
            Assert.Throws<CommandFailure>(() => DataDirectory.Open(Data));
        }
    }

    [Fact]
    public void A_place_that_cannot_be_written_says_what_to_do()
    {
        File.WriteAllText(Data, "a file");

        var failure = Assert.Throws<CommandFailure>(() => DataDirectory.Open(Data));

        Assert.StartsWith("the data directory cannot be used: ", failure.Message, StringComparison.Ordinal);
    }

    // flock(1) locks the way a second node would; exec keeps the PID that the shell wrote.
    private Process HoldInAnotherProcess()
    {
        var lockFile = Path.Combine(Data, "node.lock");
        var start = new ProcessStartInfo(
            "bash",
            ["-c", $"exec 9>>'{lockFile}'; flock 9; echo $$ > '{Data}/node.pid'; echo held; exec sleep 60"]
        )
        {
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        Assert.Equal("held", process.StandardOutput.ReadLine());
        return process;
    }
}
