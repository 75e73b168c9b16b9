using System.Globalization;
using System.Text;
using Gatehouse.Commands;
using Gatehouse.TestSupport;
using Gatehouse.Wso2;

namespace Gatehouse.Tests.Wso2;

/// <summary>What the database of an old installation becomes, by dumps of each product and generation and from a running one.</summary>
public sealed class DumpTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-dump-").FullName;

    [Theory]
    [InlineData(OldKind.MySql110, "mysql-1.10")]
    [InlineData(OldKind.MySql2, "mysql-2.x")]
    [InlineData(OldKind.PostgreSql2, "postgresql-2.x")]
    public void A_dump_is_read_as_its_golden_file_says(OldKind kind, string name)
    {
        var import = Read(OldDump.Write(kind), name + ".sql");

        Golden.Check($"databases/{name}.txt", Told(import).Replace(_folder + "/", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(OldKind.MySql110)]
    [InlineData(OldKind.MySql2)]
    [InlineData(OldKind.PostgreSql2)]
    [InlineData(OldKind.PostgreSql2Inserts)]
    public void No_secret_and_no_token_is_in_the_report(OldKind kind)
    {
        var import = Read(OldDump.Write(kind));

        Assert.NotEmpty(import.Applications);
        foreach (var text in (string[])[ImportReport.Html(import), ImportReport.Json(import).ToJsonString()])
        {
            foreach (
                var secret in (string[])
                    [OldDump.Secret, "hunter2", OldDump.ClientToken, OldDump.UserToken, "QQQQQQ", "EEEEEE", "5f4dcc3b"]
            )
            {
                Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(OldKind.MySql110, "application-policies/Large 20/min, plans/Bronze 1/min, plans/Gold 20/min")]
    [InlineData(
        OldKind.MySql2,
        "application-policies/50PerMin 50/min, plans/Bulk 10MB/2h, plans/Gold 5000/min, plans/Unauthenticated 500/min"
    )]
    public void Each_generation_brings_its_own_numbers(OldKind kind, string limits)
    {
        var import = Read(OldDump.Write(kind));

        Assert.Equal(
            limits,
            string.Join(", ", import.Limits.Select(l => $"{l.Kind}/{l.Name} {(string?)l.Document["quota"]}"))
        );
        Assert.All(import.Limits, l => Assert.Equal(kind == OldKind.MySql110, l.IsAssumed));
        if (kind == OldKind.MySql2)
        {
            // Events are no requests: said with place and fix, and nothing is made that would bound something else.
            var events = Assert.Single(import.Log.Findings, f => f.Value == "AsyncGold");
            Assert.Equal(Outcome.NeedsYou, events.Outcome);
            Assert.True(events.Place.Line > 0);
            Assert.Contains("gatehouse plan create AsyncGold", events.Note, StringComparison.Ordinal);
            Assert.DoesNotContain(
                import.Applications,
                a => a.Document.ToJsonString().Contains("AsyncUnlimited", StringComparison.Ordinal)
            );
        }
    }

    [Fact]
    public void A_name_with_everything_that_is_escaped_comes_out_whole_of_every_dump()
    {
        foreach (var kind in Enum.GetValues<OldKind>())
        {
            var import = Read(OldDump.Write(kind));

            Assert.Empty(import.Log.Problems);
            var application = Assert.Single(import.Applications, a => a.Owner == "bob@acme.com");
            Assert.Equal(OldDump.HardName, application.Name);
            Assert.Equal("two lines and a tab", application.Document["description"]!.GetValue<string>());
        }
    }

    [Fact]
    public async Task A_running_PostgreSQL_gives_what_its_dump_gives()
    {
        var server = await PostgreSqlServer.SharedAsync();
        var settings = await server.CreateDatabaseAsync();
        var dump = OldDump.Write(OldKind.PostgreSql2Inserts);
        // What psql takes for itself is no SQL.
        await server.ExecuteAsync(
            settings.Database,
            string.Join(
                '\n',
                dump.Split('\n').Where(l => !l.StartsWith('\\') && !l.Contains("set_config", StringComparison.Ordinal))
            )
        );

        var old = OldPostgreSql.Of($"postgresql://{settings.User}@{settings.Host}:{settings.Port}/{settings.Database}");
        var running = await Import.ReadDatabaseAsync(
            old.Name,
            s_now,
            TimeSpan.Zero,
            database => old.ReadAsync(database, TestContext.Current.CancellationToken)
        );
        var dumped = Read(dump);

        Assert.Equal(dumped.Applications.Select(Document), running.Applications.Select(Document));
        Assert.Equal(dumped.Applications.Sum(a => a.Tokens.Length), running.Applications.Sum(a => a.Tokens.Length));
        Assert.Equal(4, running.Applications.Sum(a => a.Tokens.Length) - 1);

        static string Document(ImportedApplication application) => application.Document.ToJsonString();
    }

    [Fact]
    public void Times_without_a_zone_are_of_the_zone_that_is_said()
    {
        var text = OldDump.Write(OldKind.MySql110).Replace("3153600000000", "3600000", StringComparison.Ordinal);
        var path = Path.Combine(_folder, "zone.sql");
        File.WriteAllText(path, text);

        var ended = new DateTimeOffset(2025, 12, 1, 11, 0, 0, TimeSpan.Zero);
        Assert.Equal(1, Tokens(Import.ReadDump(path, ended, TimeSpan.Zero)));
        Assert.Equal(4, Tokens(Import.ReadDump(path, ended.AddSeconds(-1), TimeSpan.Zero)));
        Assert.Equal(1, Tokens(Import.ReadDump(path, ended.AddHours(-2), TimeSpan.FromHours(2))));

        static int Tokens(Import import) => import.Applications.Sum(a => a.Tokens.Length);
    }

    [Theory]
    [InlineData("INSERT INTO AM_SUBSCRIBER (SUBSCRIBER_ID, USER_ID) VALUES (1,'ann'),(2,'bo", 1, "has no end")]
    [InlineData(
        "INSERT INTO AM_SUBSCRIBER (SUBSCRIBER_ID, USER_ID) VALUES (1,'ann'),\n(2,'bob','x');",
        2,
        "3 values for 2 columns"
    )]
    [InlineData("SELECT 1;\nINSERT INTO AM_SUBSCRIBER VALUES (1,'ann');", 2, "names no columns")]
    [InlineData("INSERT INTO AM_SUBSCRIBER (SUBSCRIBER_ID, USER_ID) VALUES (1,now());", 1, "expression")]
    [InlineData("INSERT INTO AM_SUBSCRIBER (SUBSCRIBER_ID, USER_ID) VALUES (1,'ann'\n", 2, "ends in the middle")]
    [InlineData("COPY am_subscriber (subscriber_id, user_id) FROM stdin;\n1\tann\n2", 3, "ends in the middle")]
    [InlineData(
        "COPY am_subscriber (subscriber_id, user_id) FROM stdin;\n1\tann\tx\n\\.\n",
        2,
        "3 values for 2 columns"
    )]
    [InlineData("/* no end", 1, "comment")]
    [InlineData("CREATE TABLE `AM_SUBSCRIBER` (`SUBSCRIBER_ID` int,\n", 2, "ends in the middle")]
    public void A_broken_dump_is_told_with_its_line(string sql, int line, string message)
    {
        var problem = Read(sql).Log.Problems[0];

        Assert.Equal(line, problem.Line);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.NotNull(problem.Fix);
    }

    [Theory]
    [InlineData(new byte[] { 0x1f, 0x8b, 8, 0, 0, 0 }, "compressed")]
    [InlineData(new byte[] { (byte)'P', (byte)'G', (byte)'D', (byte)'M', (byte)'P', 1 }, "pg_dump")]
    [InlineData(new byte[0], "empty")]
    [InlineData(new byte[] { (byte)'x' }, "no rows of WSO2")]
    public void A_file_that_is_no_dump_is_refused(byte[] content, string message)
    {
        var path = Path.Combine(_folder, "no.sql");
        File.WriteAllBytes(path, content);

        var problem = Assert.Single(Import.ReadDump(path, s_now, TimeSpan.Zero).Log.Problems);

        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_huge_dump_is_read_in_little_memory()
    {
        var path = Path.Combine(_folder, "huge.sql");
        using (var file = new StreamWriter(path))
        {
            file.Write(OldDump.Write(OldKind.MySql110));
            file.Write("INSERT INTO `REG_CONTENT` VALUES (1,'");
            var junk = new string('j', 1 << 20);
            for (var i = 0; i < 48; i++)
            {
                file.Write(junk);
            }

            file.Write("');\nINSERT INTO AM_SUBSCRIBER (SUBSCRIBER_ID, USER_ID) VALUES (5,'");
            for (var i = 0; i < 8; i++)
            {
                file.Write(junk);
            }

            file.Write("'),(6,'dora');\n");
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        var import = Import.ReadDump(path, s_now, TimeSpan.Zero);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Contains("longer than", Assert.Single(import.Log.Problems).Message, StringComparison.Ordinal);
        Assert.Contains(import.Log.Findings, f => f.Value == "dora");
        Assert.True(allocated < 8 << 20, $"{allocated:N0} bytes");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Import Read(string sql, string name = "dump.sql")
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, sql);
        return Import.ReadDump(path, s_now, TimeSpan.Zero);
    }

    private static string Told(Import import)
    {
        var text = new StringBuilder();
        foreach (var problem in import.Log.Problems)
        {
            text.Append("problem ").Append(problem).Append('\n');
        }

        foreach (var f in import.Log.Findings)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{f.Outcome.Words()} {f.Place}: {f.Element}{(f.Value is null ? "" : $" = {f.Value}")}{(f.Target is null ? "" : $" → {f.Target}")}{(f.Note is null ? "" : $"; {f.Note}")}\n"
            );
        }

        foreach (var limit in import.Limits)
        {
            text.Append(limit.Kind).Append(' ').Append(limit.Document.ToJsonString()).Append('\n');
        }

        foreach (var request in import.Applications.SelectMany(a => a.Requests(500)))
        {
            text.Append(request.ToJsonString()).Append('\n');
        }

        return text.ToString();
    }
}
