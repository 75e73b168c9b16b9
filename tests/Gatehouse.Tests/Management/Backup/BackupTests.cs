using System.IO.Compression;
using System.Text;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Gatehouse.Tests.Management;

public abstract class BackupTests(Product product) : IDisposable
{
    private const string KeyName = "catalogue-key";

    private readonly string _directory = Directory.CreateTempSubdirectory("gatehouse-backup-").FullName;
    private readonly ClusterKey _clusterKey = ClusterKey.Create();

    public sealed class OnSqlite() : BackupTests(Product.Sqlite);

    public sealed class OnPostgreSql() : BackupTests(Product.PostgreSql)
    {
        [Fact]
        public async Task A_restore_that_the_server_undoes_for_another_transactions_sake_is_done_again()
        {
            await using var test = await FoundedAsync(Product.PostgreSql);
            await test.PutAsync("app_1");
            await CreateAsync(test);
            // The one that waits first finds the deadlock and gives way: the restore, on connections opened from now on.
            await test.Server!.ExecuteAsync(test.Name, $"ALTER DATABASE {test.Name} SET deadlock_timeout = '3s'");
            await using var other = await NpgsqlDataSource
                .Create($"Host=127.0.0.1;Port={test.Server.Port};Database={test.Name};Username=gatehouse")
                .OpenConnectionAsync(Stop);
            await SendAsync("SET deadlock_timeout = '10min'; BEGIN; LOCK TABLE access_tokens IN ROW EXCLUSIVE MODE");

            // In the server itself, as soon as the restore waits: it looks for a deadlock once, 3 s later.
            var crossing = SendAsync(
                """
                DO $$
                BEGIN
                    WHILE NOT EXISTS (
                        SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
                        WHERE datname = current_database() AND NOT granted
                    ) LOOP
                        PERFORM pg_sleep(0.01);
                    END LOOP;
                    UPDATE catalogue_head SET epoch = epoch;
                END $$
                """
            );
            var restore = new Restore(test.OpenDatabase(), _clusterKey, KeyName, test.Time).FromAsync(
                FilePath,
                TestCatalogue.Tester,
                Stop
            );
            await await Task.WhenAny(restore, crossing);
            await SendAsync("COMMIT");

            Assert.Equal(1, (await restore).Epoch);

            async Task SendAsync(string sql)
            {
                await using var command = new NpgsqlCommand(sql, other) { CommandTimeout = 60 };
                await command.ExecuteNonQueryAsync(Stop);
            }
        }
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string FilePath => Path.Combine(_directory, "one.backup");

    [Theory]
    [InlineData(Product.Sqlite)]
    [InlineData(Product.PostgreSql)]
    public async Task A_backup_goes_into_an_empty_database_of_either_product_row_for_row(Product other)
    {
        await using var test = await FoundedAsync(product);
        await test.PutAsync("app_1", "anna");
        await test.Catalogue.CommitAsync(
            TestCatalogue
                .Put("app_2")
                .Also(
                    (context, _) =>
                    {
                        context.Documents.Add(
                            new()
                            {
                                Digest = Digest.Of("x"u8),
                                Content = "x"u8.ToArray(),
                                MediaType = "text/plain",
                            }
                        );
                        return Task.CompletedTask;
                    }
                ),
            Stop
        );
        var made = await CreateAsync(test);
        await using var target = await TestCatalogue.CreateAsync(on: other);

        var result = await RestoreAsync(target);

        Assert.Equal(2, made.Epoch);
        Assert.Equal(made.CreatedAt, result.From);
        Assert.Empty(result.Undone);
        Assert.NotEqual(made.History, result.History);
        var scan = await target.Feed.ScanAsync(TestCatalogue.AllKinds, Stop);
        Assert.Equal(["app_1", "app_2"], scan.Changes.Select(c => c.Name));
        using var verifier = new CatalogueVerifier(test.Key.PublicHalf.Span);
        Assert.All(scan.Changes, c => Assert.True(verifier.Verify(c, result.History)));
        Assert.Null(await new AuditTrail(target.Database).FindBreakAsync(Stop));
        await using var context = target.Database.Open();
        Assert.Equal("text/plain", (await context.Documents.SingleAsync(Stop)).MediaType);
        Assert.Equal(3, (await target.PutAsync("app_3")).Epoch);
    }

    [Fact]
    public async Task What_was_changed_since_is_undone_and_listed_and_rights_that_were_taken_stay_taken()
    {
        await using var test = await FoundedAsync(product);
        var tokens = new AccessTokens(test.Catalogue);
        var token = await tokens.IssueAsync("ann", Roles.Admin, TestCatalogue.Tester, Stop);
        await test.PutAsync("kept");
        await test.PutAsync("changed", "ann");
        await PutKeyAsync(test, "key_1");
        await CreateAsync(test);

        await test.PutAsync("changed", "bob");
        await test.PutAsync("created");
        await test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "delete")
                .Delete(EntityKinds.Application, "kept")
                .Delete(EntityKinds.Key, "key_1")
                .Put(
                    EntityKinds.DeniedCertificate,
                    "A1",
                    new DeniedCertificate
                    {
                        Node = "worker-1",
                        Reason = "evicted",
                        At = DateTimeOffset.UnixEpoch,
                    },
                    ModelJson.Default.DeniedCertificate
                ),
            Stop
        );
        await tokens.RevokeAsync(token.Id, TestCatalogue.Tester, Stop);
        var before = await test.Catalogue.ReadHeadAsync(Stop);

        var result = await RestoreAsync(test);

        Assert.Equal(
            ["application changed changed", "application created created", "application kept deleted"],
            result.Undone.Select(u => $"{u.Kind} {u.Name} {u.What}").Order()
        );
        var names = (await test.Feed.ScanAsync(TestCatalogue.AllKinds, Stop)).Changes.Select(c => $"{c.Kind} {c.Name}");
        Assert.Equal(["application changed", "application kept", "denied-certificate A1"], names.Order());
        Assert.NotEqual(before.History, result.History);
        await using (var context = test.Database.Open())
        {
            Assert.NotNull((await context.AccessTokens.SingleAsync(Stop)).RevokedAt);
        }

        // The audit goes on over the restore and lists what it undid.
        Assert.Null(await new AuditTrail(test.Database).FindBreakAsync(Stop));
        var entry = (await new AuditTrail(test.Database).ReadAsync(null, 1, Stop))[0];
        Assert.Contains("restored from the backup", entry.Summary, StringComparison.Ordinal);
        Assert.Contains("application created created", entry.Summary, StringComparison.Ordinal);
        Assert.Contains("\"created\"", entry.Changes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_of_another_cluster_is_refused_before_anything_is_changed()
    {
        await using var test = await FoundedAsync(product);
        await test.PutAsync("app_1");
        await CreateAsync(test);
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        using var other = ClusterKey.Create();

        var e = await Assert.ThrowsAsync<BackupException>(() =>
            new Restore(test.Database, other, KeyName, test.Time).FromAsync(FilePath, TestCatalogue.Tester, Stop)
        );

        Assert.Contains("another cluster", e.Message, StringComparison.Ordinal);
        Assert.Equal(head, await test.Catalogue.ReadHeadAsync(Stop));
    }

    [Fact]
    public async Task A_cut_or_changed_backup_is_found_and_named()
    {
        await using var test = await FoundedAsync(product);
        await test.PutAsync("app_1", "anna");
        await CreateAsync(test);
        Backups.Verify(FilePath);

        var cut = Path.Combine(_directory, "cut.backup");
        var bytes = await File.ReadAllBytesAsync(FilePath, Stop);
        await File.WriteAllBytesAsync(cut, bytes[..(bytes.Length / 2)], Stop);
        Assert.Contains(
            "cut",
            Assert.Throws<BackupException>(() => Backups.Verify(cut)).Message,
            StringComparison.Ordinal
        );

        Edit("tables/audit.jsonl", text => text.Replace("tester", "nobody", StringComparison.Ordinal));
        var e = Assert.Throws<BackupException>(() => Backups.Verify(FilePath));
        Assert.Contains("audit", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_is_for_its_owner_and_never_replaces_a_file()
    {
        await using var test = await FoundedAsync(product);
        await CreateAsync(test);

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
        }

        await Assert.ThrowsAsync<IOException>(() => CreateAsync(test));
        Backups.Verify(FilePath);
    }

    [Fact]
    public async Task A_database_put_back_behind_the_managers_backs_is_noticed_and_what_was_undone_is_told()
    {
        await using var test = await FoundedAsync(product);
        await test.PutAsync("before");
        var copy = await test.CopyAsync();
        var file = Path.Combine(_directory, "seen.json");
        var watch = Watch(test.Catalogue, file);
        await watch.ObserveAsync(Stop);
        await test.PutAsync("lost", "ann");
        var seen = await watch.ObserveAsync(Stop);
        watch.Save();

        // The manager that comes up on the copy remembers more than it has.
        using var other = new Catalogue(copy, test.Key, test.Time);
        var head = await Watch(other, file).ObserveAsync(Stop);

        Assert.NotEqual(seen.History, head.History);
        await using var context = copy.Open();
        var reason = (await context.Head.SingleAsync(Stop)).HistoryReason;
        Assert.Contains("from epoch 2 to 1", reason, StringComparison.Ordinal);
        Assert.Contains("application lost", reason, StringComparison.Ordinal);
        Assert.Null(await new AuditTrail(copy).FindBreakAsync(Stop));
    }

    [Fact]
    public async Task A_database_put_back_and_written_on_shows_by_its_chain()
    {
        await using var test = await FoundedAsync(product);
        await test.PutAsync("before");
        var copy = await test.CopyAsync();
        var watch = Watch(test.Catalogue, Path.Combine(_directory, "seen.json"));
        await test.PutAsync("lost");
        await watch.ObserveAsync(Stop);
        watch.Save();
        using var other = new Catalogue(copy, test.Key, test.Time);
        await other.CommitAsync(TestCatalogue.Put("instead"), Stop);
        await other.CommitAsync(TestCatalogue.Put("more"), Stop);
        var former = await other.ReadHeadAsync(Stop);

        var head = await Watch(other, Path.Combine(_directory, "seen.json")).ObserveAsync(Stop);

        Assert.NotEqual(former.History, head.History);
    }

    [Fact]
    public async Task A_manager_that_only_was_away_begins_no_new_history()
    {
        await using var test = await FoundedAsync(product);
        var file = Path.Combine(_directory, "seen.json");
        var watch = Watch(test.Catalogue, file);
        await test.PutAsync("app_1");
        var first = await watch.ObserveAsync(Stop);
        watch.Save();
        await test.PutAsync("app_2");
        await test.PutAsync("app_3");

        Assert.Equal(first.History, (await Watch(test.Catalogue, file).ObserveAsync(Stop)).History);

        // Nor does a restore that a manager was told of in the catalogue.
        var begun = await test.Catalogue.BeginNewHistoryAsync("restored", TestCatalogue.Tester, Stop);
        Assert.Equal(begun, await Watch(test.Catalogue, file).ObserveAsync(Stop));
    }

    public void Dispose()
    {
        _clusterKey.Dispose();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    private static HistoryWatch Watch(Catalogue catalogue, string file) =>
        new(
            catalogue,
            new()
            {
                Cluster = "test",
                NodeName = "manager-1",
                Database = catalogue.Database,
                CatalogueKey = catalogue.Key,
                EncodeJoinToken = _ => "",
                HistoryFile = file,
            },
            NullLogger<HistoryWatch>.Instance
        );

    [Fact]
    public async Task A_restore_keeps_the_authority_that_took_over_since_and_brings_back_that_of_a_lost_database()
    {
        await using var test = await FoundedAsync(product);
        var authorities = await TestNodes.AuthoritiesAsync(test, _clusterKey);
        var before = authorities.Current.Id;
        await CreateAsync(test);
        var options = TestNodes.Options(test) with { Authorities = authorities };
        var rotation = new AuthorityRotation(test.Catalogue, TestNodes.Board(test), TestNodes.Registry(test), options);

        // In the middle of it: the backup knows of no rotation, nodes do.
        await rotation.BeginAsync(TestCatalogue.Tester, Stop);
        await rotation.AdvanceAsync([], TestCatalogue.Tester, Stop);
        var middle = authorities.Current.Id;
        await RestoreAsync(test);
        await authorities.RefreshAsync(Stop);
        Assert.Equal((middle, RotationStage.Issue), (authorities.Current.Id, authorities.Rotation!.Stage));

        // After it.
        await rotation.AdvanceAsync([], TestCatalogue.Tester, Stop);
        var after = authorities.Current.Id;
        await RestoreAsync(test);
        await authorities.RefreshAsync(Stop);
        Assert.Equal(after, authorities.Current.Id);
        Assert.Null(authorities.Rotation);

        // Another authority of the same cluster key is no successor: a database that was lost and founded anew.
        await using var anew = await FoundedAsync(product);
        await TestNodes.AuthoritiesAsync(anew, _clusterKey);
        await RestoreAsync(anew);
        var restored = await ClusterAuthorities.LoadAsync(anew.Database, _clusterKey, anew.Time, Stop);
        Assert.Equal(before, restored.Current.Id);
    }

    private async Task<TestCatalogue> FoundedAsync(Product on)
    {
        var test = await TestCatalogue.CreateAsync(on: on);
        await new SecretStore(test.Database, _clusterKey).PutAsync(KeyName, test.Key.ExportKey(), Stop);
        return test;
    }

    private Task<BackupManifest> CreateAsync(TestCatalogue test) =>
        Backups.CreateAsync(test.Database, FilePath, "1.2.3", DateTimeOffset.UtcNow, Stop);

    private Task<RestoreResult> RestoreAsync(TestCatalogue test) =>
        new Restore(test.Database, _clusterKey, KeyName, test.Time).FromAsync(FilePath, TestCatalogue.Tester, Stop);

    private static Task PutKeyAsync(TestCatalogue test, string id) =>
        test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "key").Put(
                EntityKinds.Key,
                id,
                new ApiKey
                {
                    Id = id,
                    Application = "kept",
                    Hash = Digest.Of("the key"u8),
                    LastFour = "abcd",
                    CreatedAt = DateTimeOffset.UnixEpoch,
                },
                ModelJson.Default.ApiKey
            ),
            Stop
        );

    private void Edit(string entry, Func<string, string> edit)
    {
        using var zip = ZipFile.Open(FilePath, ZipArchiveMode.Update);
        string text;
        using (var reader = new StreamReader(zip.GetEntry(entry)!.Open(), Encoding.UTF8))
        {
            text = edit(reader.ReadToEnd());
        }

        zip.GetEntry(entry)!.Delete();
        using var writer = new StreamWriter(zip.CreateEntry(entry).Open());
        writer.Write(text);
    }
}
