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

    public static Process Start(string file)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            Environment = { [Variable] = file },
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(WriterProcess).Assembly.Location);
        }

        return Process.Start(start)!;
    }

    // The test runner owns Main; the writer turns off before it.
    [ModuleInitializer]
    internal static void RunWhenAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } file)
        {
            Write(file).Wait();
        }
    }

    private static async Task Write(string file)
    {
        using var key = CatalogueKey.Create();
        using var catalogue = new Catalogue(CatalogueDatabase.Sqlite(file), key, TimeProvider.System);
        for (var i = 0; ; i++)
        {
            var result = await catalogue
                .CommitAsync(TestCatalogue.Put($"app_{Environment.ProcessId}_{i}"), CancellationToken.None)
                .ConfigureAwait(false);
            await Console.Out.WriteLineAsync(result.Epoch.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false);
            await Console.Out.FlushAsync().ConfigureAwait(false);
        }
    }
}
