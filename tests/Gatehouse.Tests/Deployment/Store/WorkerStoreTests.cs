using System.Text;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;
using Gatehouse.Tests.Feeds;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Stores;

public sealed class WorkerStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-store-").FullName;

    private string File => Path.Combine(_folder, "store.db");

    [Fact]
    public async Task What_was_committed_is_there_after_a_restart_and_nothing_else()
    {
        using (var store = await OpenAsync())
        {
            await store.CommitScanAsync(Head(2), [Api(1, "a:1", "one"), Api(2, "b:1", "two")], []);
            await store.CommitAsync(Head(4), [Api(3, "a:1", "three"), Api(4, "b:1", null)], []);
        }

        var table = await ReadAsync();

        Assert.Equal(Head(4), table.Cursor);
        Assert.Equal("a:1=three", Assert.Single(Text(table)));
        Assert.Equal(3, table.Rows[0].Change.Epoch);
    }

    [Fact]
    public async Task A_scan_deletes_what_it_lacks_in_the_same_commit()
    {
        using (var store = await OpenAsync())
        {
            await store.CommitScanAsync(Head(2), [Api(1, "a:1", "one"), Api(2, "b:1", "two")], []);
            await store.CommitScanAsync(Head(9, "h2"), [Api(9, "b:1", "two")], []);
        }

        var table = await ReadAsync();

        Assert.Equal("h2", table.Cursor!.History);
        Assert.Equal("b:1=two", Assert.Single(Text(table)));
    }

    [Fact]
    public async Task A_refused_row_lies_beside_the_last_good_one_and_a_scan_lends_the_newer()
    {
        using var store = await OpenAsync();
        await store.CommitScanAsync(Head(1), [Api(1, "a:1", "good")], []);
        await store.CommitAsync(Head(2), [Api(2, "a:1", "bad")], [new("api", "a:1", 2, "/x", "why")]);

        var scan = await store.ScanAsync(FeedScope.Of(EntityKinds.For(Profile.GatewayWorker)));
        Assert.Equal(2, Assert.Single(scan!.Changes).Epoch);
        store.Dispose();
        var table = await ReadAsync();
        Assert.Equal(["a:1=good", "a:1=bad"], Text(table));
        Assert.Equal(new Refusal("api", "a:1", 2, "/x", "why"), table.Rows[1].Refusal);
    }

    [Fact]
    public async Task A_store_of_a_newer_format_stops_the_node_and_says_what_to_do()
    {
        using (var store = await OpenAsync())
        {
            await store.CommitScanAsync(Head(0), [], []);
        }

        using (var connection = new SqliteConnection($"Data Source={File};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE meta SET value = $value";
            command.Parameters.AddWithValue("$value", (new StoreState() with { Format = 2 }).Write());
            command.ExecuteNonQuery();
        }

        var fault = await Assert.ThrowsAsync<StoreFormatException>(OpenAsync);
        Assert.Contains("newer build", fault.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder, "*.damaged*"));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_set_aside_and_reported()
    {
        await System.IO.File.WriteAllTextAsync(File, new string('?', 5000), TestContext.Current.CancellationToken);

        using var store = await OpenAsync();

        Assert.Null(store.Cursor);
        Assert.Contains(
            store.Faults,
            f => f.What == "store.db" && f.Reason.Contains("set aside", StringComparison.Ordinal)
        );
        Assert.Single(Directory.GetFiles(_folder, "store.db.damaged-*"));
        await store.CommitScanAsync(Head(1), [Api(1, "a:1", "one")], []);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public async Task A_truncated_store_never_serves_what_was_not_written_and_asks_for_everything(double part)
    {
        var written = await FillAsync(500);
        var bytes = await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);
        await System.IO.File.WriteAllBytesAsync(
            File,
            bytes[..(int)(bytes.Length * part)],
            TestContext.Current.CancellationToken
        );

        var (store, table) = await OpenBothAsync();
        using var closing = store;

        Assert.Null(table.Cursor);
        Assert.NotEmpty(store.Faults);
        Assert.Subset(written.ToHashSet(), Text(table).ToHashSet());
    }

    [Fact]
    public async Task No_flipped_bit_is_ever_served()
    {
        var written = await FillAsync(40);
        var sound = await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);
        var random = new Random(20_251);
        var (served, salvaged) = (0, 0);
        for (var i = 0; i < 300; i++)
        {
            Clear();
            var bytes = (byte[])sound.Clone();
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            await System.IO.File.WriteAllBytesAsync(File, bytes, TestContext.Current.CancellationToken);

            var (store, table) = await OpenBothAsync();
            using var closing = store;
            var text = Text(table).ToHashSet();

            Assert.Subset(written.ToHashSet(), text);
            if (text.Count == written.Count)
            {
                served++;
            }
            else
            {
                // What is missing is known to be missing.
                Assert.Null(table.Cursor);
                Assert.NotEmpty(store.Faults);
                salvaged += text.Count > 0 ? 1 : 0;
            }
        }

        Assert.InRange(served, 1, 299);
        Assert.True(salvaged > 0);
    }

    [Fact]
    public async Task A_damaged_row_is_set_aside_and_named_and_the_rest_is_served_at_this_start_and_the_next()
    {
        await FillAsync(10);
        Execute("UPDATE entities SET payload = CAST('other' AS BLOB) WHERE name = 'a3:1'");

        var (store, table) = await OpenBothAsync();
        using (store)
        {
            Assert.Equal(9, table.Rows.Length);
            Assert.Null(table.Cursor);
            Assert.Contains(store.Faults, f => f.What == "api a3:1");
        }

        var (again, next) = await OpenBothAsync();
        using var closing = again;
        Assert.Equal(9, next.Rows.Length);
        Assert.Null(next.Cursor);
        Assert.Empty(again.Faults);
    }

    [Theory]
    [InlineData("DELETE FROM entities WHERE kind = 'revocation'")]
    [InlineData("UPDATE entities SET name = 'key/other' WHERE kind = 'revocation'")]
    [InlineData("UPDATE entities SET kind = 'api' WHERE kind = 'revocation'")]
    public async Task A_store_that_lost_a_revocation_serves_nothing_since_it_could_open_what_was_closed(string damage)
    {
        using (var store = await OpenAsync())
        {
            await store.CommitScanAsync(Head(2), [Api(1, "a:1", "one"), Change(2, "revocation", "key/k1", "{}")], []);
        }

        Execute(damage);

        var (damaged, table) = await OpenBothAsync();
        using var closing = damaged;
        Assert.False(table.Exists);
        Assert.Contains(damaged.Faults, f => f.Reason.Contains("could open what was closed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_row_that_vanished_is_noticed()
    {
        await FillAsync(10);
        Execute("DELETE FROM entities WHERE name = 'a3:1'");

        var (store, table) = await OpenBothAsync();
        using var closing = store;

        Assert.Null(table.Cursor);
        Assert.Equal(9, table.Rows.Length);
        Assert.Contains(store.Faults, f => f.Reason == "rows are missing");
    }

    [Fact]
    public async Task Damage_found_by_a_commit_sets_the_file_aside_and_the_next_scan_fills_a_new_one()
    {
        await FillAsync(500);
        using var store = await OpenAsync();
        using (var file = new FileStream(File, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(8192);
        }

        var fault = await Assert.ThrowsAsync<StoreException>(() =>
            store.CommitScanAsync(Head(501), [.. Enumerable.Range(1, 400).Select(i => Api(i + 1, $"b{i}:1", "y"))], [])
        );

        Assert.True(fault.SetAside, fault.Message);
        Assert.Null(store.Cursor);
        await store.CommitScanAsync(Head(1), [Api(1, "a:1", "one")], []);
        store.Dispose();
        Assert.Equal("a:1=one", Assert.Single(Text(await ReadAsync())));
    }

    [Fact]
    public async Task What_expired_by_the_managers_clock_is_dropped_with_a_later_commit()
    {
        using var store = await OpenAsync();
        var now = DateTimeOffset.UtcNow;
        await store.CommitScanAsync(
            Head(2),
            [Api(1, "a:1", "one") with { ExpiresAt = now.AddMinutes(-1) }, Api(2, "b:1", "two")],
            []
        );
        store.Note(new(Head(2), now, new byte[64]));

        await store.CommitAsync(Head(3), [Api(3, "c:1", "three")], []);

        Assert.Equal(2, store.Count);
        store.Dispose();
        Assert.Equal(["b:1=two", "c:1=three"], Text(await ReadAsync()));
    }

    [Fact]
    public async Task The_newest_heartbeat_of_a_head_that_the_rows_hold_survives_a_restart()
    {
        var at = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);
        using (var store = await OpenAsync())
        {
            await store.CommitScanAsync(Head(2), [], []);
            store.Note(new(Head(2), at, new byte[] { 1, 2 }));
            store.Note(new(Head(3), at.AddSeconds(1), new byte[] { 3 }));
            await store.SaveHeartbeatAsync();
        }

        using var again = await OpenAsync();
        Assert.Equal(at, again.Vouched!.IssuedAt);
        Assert.Equal([1, 2], again.Vouched.Signature.ToArray());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static CatalogueHead Head(long epoch, string history = "h1") =>
        new(history, epoch, Digest.Of(Encoding.UTF8.GetBytes($"{epoch}")));

    internal static EntityChange Api(long epoch, string name, string? payload) => Change(epoch, "api", name, payload);

    private static EntityChange Change(long epoch, string kind, string name, string? payload) =>
        CatalogueTwin.Change(kind, name, payload) with
        {
            Epoch = epoch,
        };

    private static List<string> Text(StoredTable table) =>
        [.. table.Rows.Select(r => $"{r.Change.Name}={Encoding.UTF8.GetString(r.Change.Payload.Span)}")];

    private async Task<List<string>> FillAsync(int rows)
    {
        using (var store = await OpenAsync())
        {
            await store.CommitScanAsync(
                Head(rows),
                [.. Enumerable.Range(1, rows).Select(i => Api(i, $"a{i}:1", $"content {i} {new string('x', 300)}"))],
                []
            );
        }

        return Text(await ReadAsync());
    }

    private async Task<StoredTable> ReadAsync()
    {
        var (store, table) = await OpenBothAsync();
        store.Dispose();
        return table;
    }

    private async Task<WorkerStore> OpenAsync() => (await OpenBothAsync()).Store;

    private Task<(WorkerStore Store, StoredTable Table)> OpenBothAsync() =>
        WorkerStore.OpenAsync(_folder, TimeProvider.System, NullLogger<WorkerStore>.Instance);

    private void Clear()
    {
        foreach (var file in Directory.GetFiles(_folder))
        {
            System.IO.File.Delete(file);
        }
    }

    private void Execute(string statement)
    {
        using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // constants of these tests
        command.CommandText = statement;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
