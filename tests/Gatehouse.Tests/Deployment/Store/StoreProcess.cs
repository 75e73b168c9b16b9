using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Stores;

/// <summary>
/// This program again as a process of its own that commits one change after another and says <c>applied N</c> where a node
/// would publish and report; a commit that fails is said to have failed and tried again.
/// </summary>
internal static class StoreProcess
{
    private const string Variable = "GATEHOUSE_TEST_STORE_WRITER";

    /// <param name="folder">Where the store lies.</param>
    /// <param name="commits">How many changes.</param>
    /// <param name="strace">Arguments of strace to run it under; empty for none.</param>
    public static Process Start(string folder, int commits, params string[] strace)
    {
        var start = new ProcessStartInfo { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Variable] = string.Create(CultureInfo.InvariantCulture, $"{commits} {folder}");
        string[] program =
            Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
                ? [Environment.ProcessPath!, typeof(StoreProcess).Assembly.Location]
                : [Environment.ProcessPath!];
        string[] command = strace.Length > 0 ? ["strace", .. strace, .. program] : program;
        start.FileName = command[0];
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    // The test runner owns Main; the writer turns off before it. All of it stays on this thread: until a module's initializer
    // is done, no other thread gets into the module.
    [ModuleInitializer]
    internal static void RunWhenAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } wish)
        {
            var words = wish.Split(' ', 2);
            Write(int.Parse(words[0], CultureInfo.InvariantCulture), words[1]);
            Environment.Exit(0);
        }
    }

    private static void Write(int commits, string folder)
    {
        using var store = WorkerStore
            .OpenAsync(folder, TimeProvider.System, NullLogger<WorkerStore>.Instance)
            .Result.Store;
        if (store.Cursor is null)
        {
            Try(0, (head, changes, refusals) => store.CommitScanAsync(head, changes, refusals), []);
        }

        for (var i = (int)(store.Cursor?.Epoch ?? 0) + 1; i <= commits; i++)
        {
            Try(i, store.CommitAsync, [WorkerStoreTests.Api(i, $"a{i}:1", new string('x', 20_000))]);
        }
    }

    private static void Try(
        int epoch,
        Func<CatalogueHead, IReadOnlyList<EntityChange>, IReadOnlyCollection<Refusal>, Task> commit,
        EntityChange[] changes
    )
    {
        while (true)
        {
            try
            {
                commit(WorkerStoreTests.Head(epoch), changes, []).GetAwaiter().GetResult();
                Say($"applied {epoch}");
                return;
            }
            catch (StoreException fault) when (!fault.SetAside)
            {
                Say($"failed {epoch}: {fault.Message}");
                Thread.Sleep(20);
            }
        }
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
