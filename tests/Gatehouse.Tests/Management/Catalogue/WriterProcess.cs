using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;

namespace Gatehouse.Tests.Management;

/// <summary>This program again as a process of its own that writes into a catalogue and prints each epoch once it is acknowledged.</summary>
internal static class WriterProcess
{
    private const string Variable = "GATEHOUSE_TEST_CATALOGUE_WRITER";

    public static Process Start(string address)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            Environment = { [Variable] = address },
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(WriterProcess).Assembly.Location);
        }

        return Process.Start(start)!;
    }

    // The test runner owns Main; the writer turns off before it. Until it returns, no other thread may run code of this
    // module: what is awaited comes back to this one.
    [ModuleInitializer]
    internal static void RunWhenAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } address)
        {
            using var work = new BlockingCollection<(SendOrPostCallback Callback, object? State)>();
            SynchronizationContext.SetSynchronizationContext(new Queue(work));
            var writing = Write(address);
            while (!writing.IsCompleted)
            {
                var (callback, state) = work.Take();
                callback(state);
            }

            writing.GetAwaiter().GetResult();
        }
    }

    private static async Task Write(string address)
    {
        using var key = CatalogueKey.Create();
        using var database = TestCatalogue.OpenAt(address);
        using var catalogue = new Catalogue(database, key, TimeProvider.System);
        for (var i = 0; ; i++)
        {
            CommitResult result;
            try
            {
                result = await catalogue.CommitAsync(
                    TestCatalogue.Put($"app_{Environment.ProcessId}_{i}"),
                    CancellationToken.None
                );
            }
            catch (Exception e) when (e is CommitInDoubtException || CatalogueDatabase.TroubleOf(e) is not null)
            {
                continue; // nothing is acknowledged; a busy machine may keep the database from answering in time
            }

            await Console.Out.WriteLineAsync(result.Epoch.ToString(CultureInfo.InvariantCulture));
            await Console.Out.FlushAsync();
        }
    }

    private sealed class Queue(BlockingCollection<(SendOrPostCallback Callback, object? State)> work)
        : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => work.Add((d, state));
    }
}
