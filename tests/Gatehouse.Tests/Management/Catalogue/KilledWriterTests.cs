using System.Globalization;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management;

public abstract class KilledWriterTests(Product product)
{
    public sealed class OnSqlite() : KilledWriterTests(Product.Sqlite);

    public sealed class OnPostgreSql() : KilledWriterTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_processes_write_one_is_killed_and_nothing_acknowledged_is_lost()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        using var writer = WriterProcess.Start(test.Address);
        long acknowledged = 0;
        try
        {
            for (var lines = 0; lines < 40; lines++)
            {
                var line = await writer
                    .StandardOutput.ReadLineAsync(Stop)
                    .AsTask()
                    .WaitAsync(TimeSpan.FromSeconds(60), Stop);
                acknowledged = long.Parse(line!, CultureInfo.InvariantCulture);
                if (lines % 4 == 0)
                {
                    await test.PutAsync($"ours_{lines}");
                }
            }
        }
        finally
        {
            writer.Kill();
        }

        // What it printed before it died counts too.
        while (await writer.StandardOutput.ReadLineAsync(Stop) is { } line)
        {
            acknowledged = long.TryParse(line, CultureInfo.InvariantCulture, out var epoch) ? epoch : acknowledged;
        }

        await writer.WaitForExitAsync(Stop);

        var after = await test.PutAsync("after");
        var changes = (await test.Feed.ReadAfterAsync(0, TestCatalogue.AllKinds, 100_000, Stop))
            .SelectMany(t => t.Changes)
            .ToList();
        Assert.True(after.Epoch > acknowledged);
        Assert.Equal(Enumerable.Range(1, (int)after.Epoch).Select(e => (long)e), changes.Select(c => c.Epoch));
        Assert.Null(await new AuditTrail(test.Database).FindBreakAsync(Stop));
        Digest chain = default;
        foreach (var change in changes)
        {
            chain = CatalogueHead.Link(chain, change, after.Head.History);
        }

        Assert.Equal(after.Head.Chain, chain);
    }
}
