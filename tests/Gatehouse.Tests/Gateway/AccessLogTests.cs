using System.Text;
using System.Text.Json;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway;

/// <summary>Where lines wait for the log to write them.</summary>
public sealed class AccessLogTests
{
    private const int Room = 256 * 1024;

    [Fact]
    public async Task Lines_of_many_threads_are_whole_and_in_the_order_of_each_while_they_are_written()
    {
        var page = new LogPage(Room);
        var written = new MemoryStream();
        using var done = new CancellationTokenSource();
        var writer = Task.Factory.StartNew(
            () =>
            {
                bool last;
                do
                {
                    last = done.IsCancellationRequested;
                    var taken = page.Take();
                    foreach (var (bytes, used, _) in taken)
                    {
                        written.Write(bytes, 0, used);
                    }

                    page.GiveBack(taken);
                } while (!last);
            },
            TaskCreationOptions.LongRunning
        );
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(thread =>
                    Task.Run(() =>
                    {
                        for (var i = 0; i < 20_000; i++)
                        {
                            // Also lines longer than what is left of a page.
                            Say(page, thread, i, i % 1_000 == 0 ? 20_000 : i % 200);
                        }
                    })
                )
        );
        await done.CancelAsync();
        await writer;

        var seen = new int[4];
        Array.Fill(seen, -1);
        var lines = Encoding.UTF8.GetString(written.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var line in lines)
        {
            var said = JsonDocument.Parse(line).RootElement;
            var (thread, number) = (said.GetProperty("thread").GetInt32(), said.GetProperty("number").GetInt32());
            Assert.True(number > seen[thread], $"{number} of thread {thread} came after {seen[thread]}");
            seen[thread] = number;
        }

        Assert.Equal(80_000, lines.Length + page.Dropped);
    }

    [Fact]
    public void What_nobody_writes_is_bounded_and_the_lines_behind_it_are_counted()
    {
        var page = new LogPage(Room);
        for (var i = 0; i < 10_000; i++)
        {
            Say(page, 0, i, 100);
        }

        var taken = page.Take();
        Assert.InRange(taken.Sum(piece => piece.Used), Room / 2, Room);
        Assert.Equal(10_000, taken.Sum(piece => piece.Lines) + page.Dropped);

        // Those that are kept are the first.
        var kept = Encoding.UTF8.GetString(taken[0].Bytes, 0, taken[0].Used);
        Assert.StartsWith("{\"thread\":0,\"number\":0,", kept, StringComparison.Ordinal);
        page.GiveBack(taken);
        Say(page, 0, 1, 1);
        Assert.Single(page.Take());
    }

    [Fact]
    public void A_line_longer_than_any_that_a_request_makes_is_dropped_alone()
    {
        var page = new LogPage(Room);
        Say(page, 0, 1, 10);
        Say(page, 0, 2, 64 * 1024);
        Say(page, 0, 3, 10);

        Assert.Equal(1, page.Dropped);
        Assert.Equal(2, page.Take().Sum(piece => piece.Lines));
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_counts_its_lines_and_goes_on_when_it_can()
    {
        var directory = Directory.CreateTempSubdirectory("gatehouse-log-");
        await using var log = new AccessLog("/dev/full", NullLogger.Instance);
        Say(log, 0, 1, 1);
        Say(log, 0, 2, 1);
        await LoopServer.Until(() => log.Dropped == 2);

        var path = Path.Combine(directory.FullName, "access.log");
        log.MoveTo(path);
        Say(log, 0, 3, 1);
        await LoopServer.Until(() => File.Exists(path) && File.ReadAllText(path).Contains("\"number\":3"));
        directory.Delete(recursive: true);
    }

    private static void Say(LogPage page, int thread, int number, int length) => page.Add(Line(thread, number, length));

    private static void Say(AccessLog log, int thread, int number, int length) => log.Add(Line(thread, number, length));

    private static ReadOnlySpan<byte> Line(int thread, int number, int length)
    {
        var line = new LineWriter(new byte[16]);
        line.Number("\"thread\":"u8, thread);
        line.Number(",\"number\":"u8, number);
        line.Text(",\"text\":"u8, new string('x', length));
        return line.End();
    }
}
