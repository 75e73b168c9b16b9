using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;
using Gatehouse.Tests.Feeds;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Stores;

/// <summary>The disk refuses, in a process of its own, with the kernel's own answers.</summary>
public sealed partial class DiskFaultTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-disk-").FullName;

    [Theory]
    [InlineData("fsync,fdatasync:error=EIO:when=9..15")]
    [InlineData("pwrite64:error=ENOSPC:when=40..60")]
    [InlineData("pwrite64:error=EIO:when=45..55")]
    public async Task Nothing_unsynced_is_ever_reported_as_applied_and_writing_goes_on_when_the_disk_does(string fault)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/strace"), "strace is not installed; it makes the kernel refuse writes");
        const int commits = 12;
        var log = Path.Combine(_folder, "strace.log");
        using var process = StoreProcess.Start(
            Path.Combine(_folder, "store"),
            commits,
            "-f",
            "-y",
            "-qq",
            "-o",
            log,
            "-e",
            "trace=fsync,fdatasync,pwrite64,write",
            "-e",
            $"inject={fault}"
        );
        var said = await EndAsync(process);
        Assert.SkipWhen(
            said.Count == 0 && File.Exists(log) is false,
            "strace may not trace here; run the tests where ptrace is allowed"
        );

        Assert.Contains(said, line => line.StartsWith("failed", StringComparison.Ordinal));
        Assert.Equal(
            Enumerable.Range(0, commits + 1),
            said.Where(l => l.StartsWith("applied", StringComparison.Ordinal)).Select(Number)
        );
        AssertSyncedBeforeSaid(await File.ReadAllLinesAsync(log, TestContext.Current.CancellationToken), commits + 1);
        await AssertHoldsAsync(commits);
    }

    [Fact]
    public async Task A_full_disk_stops_nothing_but_the_store_which_goes_on_when_there_is_space()
    {
        var disk = Path.Combine(_folder, "disk");
        Directory.CreateDirectory(disk);
        Assert.SkipUnless(
            await RunAsync("mount", "-t", "tmpfs", "-o", "size=600k", "gatehouse-test", disk),
            "a small file system cannot be mounted here (needs root)"
        );
        try
        {
            // Something else fills it.
            var ballast = Path.Combine(disk, "ballast");
            await File.WriteAllBytesAsync(ballast, new byte[300_000], TestContext.Current.CancellationToken);
            var (store, _) = await OpenAsync(disk);
            using var closing = store;
            await store.CommitScanAsync(WorkerStoreTests.Head(0), [], []);
            var epoch = 0;
            var fault = await Assert.ThrowsAsync<StoreException>(async () =>
            {
                while (true)
                {
                    await CommitAsync(store, epoch + 1);
                    epoch++;
                }
            });

            Assert.Contains("no space left", fault.Message, StringComparison.Ordinal);
            Assert.False(fault.SetAside);
            Assert.True(epoch > 0);
            Assert.Equal(epoch, store.Cursor!.Epoch);

            File.Delete(ballast);
            await CommitAsync(store, epoch + 1);
            store.Dispose();
            var (again, table) = await OpenAsync(disk);
            again.Dispose();
            Assert.Equal(WorkerStoreTests.Head(epoch + 1), table.Cursor);
            Assert.Equal(epoch + 1, table.Rows.Length);
            Assert.Empty(again.Faults);
        }
        finally
        {
            await RunAsync("umount", disk);
        }
    }

    [Fact]
    public async Task A_node_on_a_full_disk_serves_on_reports_nothing_new_says_why_and_catches_up()
    {
        var disk = Path.Combine(_folder, "disk");
        Directory.CreateDirectory(disk);
        Assert.SkipUnless(
            await RunAsync("mount", "-t", "tmpfs", "-o", "size=600k", "gatehouse-test", disk),
            "a small file system cannot be mounted here (needs root)"
        );
        try
        {
            using var catalogue = new CatalogueTwin();
            await using var manager = await FeedHost.StartAsync(catalogue);
            await using var node = await NodeTwin.StartAsync(disk, NodeTwin.Options(manager.Address));
            var served = catalogue.Put("api", "a:1", "small");
            await node.ReachesAsync(served);
            var ballast = Path.Combine(disk, "ballast");
            await FillAsync(ballast);

            var head = catalogue.Put("api", "a:1", new string('x', 150_000));
            var status = await node.WhenAsync(s =>
                s.Trouble?.Contains("no space left", StringComparison.Ordinal) == true
            );

            Assert.Equal(served, status.Cursor);
            Assert.Equal("small", node.Target.Served[("api", "a:1")]);
            await SynchronizerTests.EventuallyAsync(() =>
                manager.Reports.Last?.StoreFaults.Any(f => f.Reason.Contains("no space left", StringComparison.Ordinal))
                == true
            );
            Assert.Equal(served.Epoch, manager.Reports.Last!.Applied.Epoch);

            CatalogueHead? saidBefore = null;
            node.Target.Publishing = () => saidBefore = node.Status.Cursor;
            File.Delete(ballast);
            status = await node.ReachesAsync(head);
            Assert.Equal(served, saidBefore);
            Assert.Null(status.Trouble);
            Assert.Empty(status.Faults);
            Assert.Equal(catalogue.Live, node.Target.Served);
        }
        finally
        {
            await RunAsync("umount", disk);
        }
    }

    [Fact]
    public async Task A_process_killed_at_any_moment_holds_everything_it_said()
    {
        var folder = Path.Combine(_folder, "store");
        for (var i = 0; i < 6; i++)
        {
            using var process = StoreProcess.Start(folder, 100_000);
            var said = -1;
            var lines = 0;
            while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                said = Math.Max(said, Number(line));
                if (++lines == 5 + (i * 7))
                {
                    process.Kill();
                }
            }

            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            var (store, table) = await OpenAsync(folder);
            store.Dispose();
            Assert.Empty(store.Faults);
            Assert.True(table.Cursor!.Epoch >= said, $"said {said}, holds {table.Cursor.Epoch}");
            Assert.Equal(table.Cursor.Epoch, table.Rows.Length);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Reads the kernel's account: when "applied" was written, no byte of the store's log was waiting for a sync.</summary>
    private static void AssertSyncedBeforeSaid(string[] lines, int expected)
    {
        var (unsynced, said, refused) = (false, 0, 0);
        foreach (var line in lines)
        {
            refused += line.Contains("(INJECTED)", StringComparison.Ordinal) ? 1 : 0;
            if (
                line.Contains("pwrite64(", StringComparison.Ordinal)
                && line.Contains("store.db-wal", StringComparison.Ordinal)
            )
            {
                unsynced = true;
            }
            else if (SyncOfLog().IsMatch(line))
            {
                unsynced = false;
            }
            else if (line.Contains("\"applied ", StringComparison.Ordinal))
            {
                Assert.False(unsynced, $"said before it was synced: {line}");
                said++;
            }
        }

        Assert.Equal(expected, said);
        Assert.True(refused > 0, "strace refused nothing");
    }

    [GeneratedRegex(@"f(data)?sync\(\d+<[^>]*store\.db-wal>\)\s+= 0$")]
    private static partial Regex SyncOfLog();

    /// <summary>Leaves no byte free.</summary>
    private static async Task FillAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1);
        try
        {
            while (true)
            {
                await stream.WriteAsync(new byte[4096]);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    private async Task AssertHoldsAsync(int commits)
    {
        var (store, table) = await OpenAsync(Path.Combine(_folder, "store"));
        store.Dispose();
        Assert.Empty(store.Faults);
        Assert.Equal(WorkerStoreTests.Head(commits), table.Cursor);
        Assert.Equal(commits, table.Rows.Length);
    }

    private static Task CommitAsync(WorkerStore store, int epoch) =>
        store.CommitAsync(
            WorkerStoreTests.Head(epoch),
            [WorkerStoreTests.Api(epoch, $"a{epoch}:1", new string('x', 10_000))],
            []
        );

    private static Task<(WorkerStore Store, StoredTable Table)> OpenAsync(string folder) =>
        WorkerStore.OpenAsync(folder, TimeProvider.System, NullLogger<WorkerStore>.Instance);

    private static int Number(string line) => int.Parse(line.Split(' ', ':')[1], CultureInfo.InvariantCulture);

    private static async Task<List<string>> EndAsync(Process process)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        using var ending = deadline.Token.Register(() => process.Kill(entireProcessTree: true));
        var errors = process.StandardError.ReadToEndAsync(deadline.Token);
        var said = await process.StandardOutput.ReadToEndAsync(deadline.Token);
        await process.WaitForExitAsync(deadline.Token);
        Assert.True(process.ExitCode == 0, await errors);
        return [.. said.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
            )!;
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
