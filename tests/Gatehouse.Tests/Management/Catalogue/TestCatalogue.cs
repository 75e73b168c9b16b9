using System.Collections.Frozen;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management;

/// <summary>A catalogue in a real SQLite file of its own.</summary>
internal sealed class TestCatalogue : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("gatehouse-catalogue-").FullName;

    private TestCatalogue(TimeProvider time)
    {
        Time = time;
        Database = CatalogueDatabase.Sqlite(Path.Combine(_directory, "catalogue.db"));
        Catalogue = new(Database, Key, time);
        Feed = new(Catalogue);
    }

    public static Actor Tester { get; } = new("tester", "test");

    public static FrozenSet<string> AllKinds { get; } =
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
    ];

    public TimeProvider Time { get; }

    public string File => Path.Combine(_directory, "catalogue.db");

    public CatalogueDatabase Database { get; }

    public CatalogueKey Key { get; } = CatalogueKey.Create();

    public Catalogue Catalogue { get; }

    public CatalogueFeed Feed { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<TestCatalogue> CreateAsync(TimeProvider? time = null)
    {
        var catalogue = new TestCatalogue(time ?? TimeProvider.System);
        await CatalogueSetup.ApplyAsync(catalogue.Database, Stop);
        return catalogue;
    }

    /// <summary>Another writer on the same file, as a second process would be.</summary>
    public Catalogue OpenSecond() => new(CatalogueDatabase.Sqlite(File), Key, Time);

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

    public ValueTask DisposeAsync()
    {
        Catalogue.Dispose();
        Key.Dispose();
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
