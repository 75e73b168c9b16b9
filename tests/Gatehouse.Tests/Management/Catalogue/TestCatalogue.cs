using System.Collections.Frozen;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.TestSupport;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Tests.Management;

/// <summary>The products a catalogue may lie in.</summary>
public enum Product
{
    /// <summary>A file.</summary>
    Sqlite,

    /// <summary>A server.</summary>
    PostgreSql,
}

/// <summary>A catalogue in a real database of its own: a SQLite file, or a database of the shared PostgreSQL server.</summary>
internal sealed class TestCatalogue : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("gatehouse-catalogue-").FullName;
    private readonly List<CatalogueDatabase> _opened = [];

    private TestCatalogue(TimeProvider time, PostgreSqlServer? server, string? name)
    {
        Time = time;
        Server = server;
        Address = server is null ? Path.Combine(_directory, "catalogue.db") : $"{server.Port}/{name}";
        Database = OpenDatabase();
        Catalogue = new(Database, Key, time);
        Feed = new(Catalogue);
    }

    public static Actor Tester { get; } = new("tester", "test");

    public static FeedScope AllKinds { get; } =
        FeedScope.Of(
            (FrozenSet<string>)
                [
                    EntityKinds.Api,
                    EntityKinds.Application,
                    EntityKinds.Subscription,
                    EntityKinds.Key,
                    EntityKinds.Revocation,
                    EntityKinds.Node,
                    EntityKinds.DeniedCertificate,
                    EntityKinds.Hosts,
                    EntityKinds.Definition,
                ]
        );

    public TimeProvider Time { get; }

    /// <summary>The server, when it lies on one.</summary>
    public PostgreSqlServer? Server { get; }

    /// <summary>What <see cref="OpenAt"/> opens: a file's path, or a server's port and a database's name.</summary>
    public string Address { get; }

    /// <summary>The database's name on the server.</summary>
    public string Name => Address.Split('/')[^1];

    public CatalogueDatabase Database { get; }

    public CatalogueKey Key { get; } = CatalogueKey.Create();

    public Catalogue Catalogue { get; }

    public CatalogueFeed Feed { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>An empty catalogue with a history of its own.</summary>
    /// <param name="time">Its clock.</param>
    /// <param name="on">Where it lies.</param>
    /// <param name="withKeyManager">With the key manager's tables in it.</param>
    public static async Task<TestCatalogue> CreateAsync(
        TimeProvider? time = null,
        Product on = Product.Sqlite,
        bool withKeyManager = false
    )
    {
        var server = on == Product.PostgreSql ? await PostgreSqlServer.SharedAsync() : null;
        var form = await CatalogueForm.OfAsync(server, withKeyManager);
        var settings = server is null ? null : await server.CreateDatabaseAsync(copyOf: form);
        var catalogue = new TestCatalogue(time ?? TimeProvider.System, server, settings?.Database);
        if (server is null)
        {
            File.Copy(form, catalogue.Address);
        }

        await CatalogueSetup.ApplyAsync(catalogue.Database, Stop);
        return catalogue;
    }

    /// <summary>The database another process told of.</summary>
    public static CatalogueDatabase OpenAt(string address) =>
        address.Split('/') is [var port, var name]
            ? CatalogueDatabase.PostgreSql(
                new()
                {
                    Host = "127.0.0.1",
                    Port = int.Parse(port, System.Globalization.CultureInfo.InvariantCulture),
                    Database = name,
                    User = "gatehouse",
                    Tls = DatabaseTls.Off,
                    Connections = 10,
                }
            )
            : CatalogueDatabase.Sqlite(address);

    /// <summary>The same database on connections of its own.</summary>
    public CatalogueDatabase OpenDatabase()
    {
        var database = OpenAt(Address);
        _opened.Add(database);
        return database;
    }

    /// <summary>Another writer on the same database, as a second process would be.</summary>
    public Catalogue OpenSecond() => new(OpenDatabase(), Key, Time);

    /// <summary>The database as it is now, once more.</summary>
    public async Task<CatalogueDatabase> CopyAsync()
    {
        var address = $"{Address}.copy";
        if (Server is null)
        {
            await using var context = Database.Open();
            await context.Database.ExecuteSqlAsync($"VACUUM INTO {address}", Stop);
        }
        else
        {
            // It is copied only while nobody is connected.
            _opened.ForEach(o => o.Close());
            address = $"{Server.Port}/{(await Server.CreateDatabaseAsync(copyOf: Name)).Database}";
        }

        var copy = OpenAt(address);
        _opened.Add(copy);
        return copy;
    }

    /// <summary>Every file the database keeps its rows in, as bytes.</summary>
    public async IAsyncEnumerable<(string File, byte[] Content)> FilesAsync()
    {
        if (Server is not null)
        {
            await Server.ExecuteAsync(Name, "CHECKPOINT");
        }

        var files = Server is null
            ? Directory.GetFiles(_directory)
            : Directory.GetFiles(
                Path.Combine(
                    Server.Data,
                    "base",
                    $"{await Server.QueryAsync<uint>(Name, "SELECT oid FROM pg_database WHERE datname = current_database()")}"
                )
            );
        foreach (var file in files)
        {
            byte[] bytes;
            try
            {
                await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                // To its end, wherever that is by now: the server may cut it meanwhile.
                using var content = new MemoryStream();
                await stream.CopyToAsync(content, Stop);
                bytes = content.ToArray();
            }
            catch (FileNotFoundException)
            {
                // The server writes some of its files anew while it runs.
                continue;
            }

            yield return (file, bytes);
        }
    }

    public Task<CommitResult> PutAsync(string name, string owner = "ann", long? expected = null) =>
        Catalogue.CommitAsync(Put(name, owner, expected), Stop);

    public static CatalogueTransaction Put(string name, string owner = "ann", long? expected = null) =>
        new CatalogueTransaction(Tester, $"put {name}").Put(
            EntityKinds.Application,
            name,
            Application(name, owner),
            ModelJson.Default.Application,
            expected
        );

    public static Application Application(string id, string owner = "ann") =>
        new()
        {
            Id = id,
            Name = id,
            Owner = owner,
        };

    public async ValueTask DisposeAsync()
    {
        Catalogue.Dispose();
        Key.Dispose();
        _opened.ForEach(database => database.Dispose());
        Directory.Delete(_directory, recursive: true);
        if (Server is not null)
        {
            await Server.DropDatabaseAsync(Name);
        }
    }
}
