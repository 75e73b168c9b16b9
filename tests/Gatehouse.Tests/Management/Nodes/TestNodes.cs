using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Management;
using Gatehouse.Model;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Management;

/// <summary>A board over a test's catalogue, and nodes that report to it.</summary>
internal static class TestNodes
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static ManagementOptions Options(TestCatalogue test) =>
        new()
        {
            Cluster = "test",
            NodeName = "manager-1",
            Database = test.Database,
            CatalogueKey = test.Key,
            Version = "1.2.3",
            EncodeJoinToken = grant => "ghj1_" + grant.Id,
        };

    public static NodeBoard Board(TestCatalogue test) =>
        new(test.Catalogue, Options(test), NullLogger<NodeBoard>.Instance);

    public static NodeRegistry Registry(TestCatalogue test) =>
        new(test.Catalogue, Board(test), new Environments(test.Catalogue));

    /// <summary>An authority among the catalogue's secrets, as a founding leaves it.</summary>
    public static async Task<ClusterAuthorities> AuthoritiesAsync(TestCatalogue test, ClusterKey key)
    {
        using var authority = CertificateAuthority.Create("test", test.Time);
        await new SecretStore(test.Database, key).PutAsync(
            [
                (ClusterAuthorities.KeySecret, authority.ExportKey()),
                (ClusterAuthorities.CertificateSecret, authority.Certificate.RawData),
            ],
            Stop
        );
        return await ClusterAuthorities.LoadAsync(test.Database, key, test.Time, Stop);
    }

    public static Node Worker(string name, Profile profile = Profile.GatewayWorker) =>
        new()
        {
            Name = name,
            Profile = profile,
            SubDomain = "worker",
            Host = "10.0.0.7",
            InternalPort = 7443,
        };

    public static PeerIdentity Identity(string name, Profile profile = Profile.GatewayWorker) =>
        new("test", profile, name, "A1" + name.Length);

    public static Task RegisterAsync(TestCatalogue test, string name, Profile profile = Profile.GatewayWorker) =>
        new EnrolmentLedger(test.Catalogue).RegisterAsync(
            Worker(name, profile),
            "A1" + name,
            test.Time.GetUtcNow().AddDays(30),
            Stop
        );

    public static NodeReport Report(CatalogueHead applied, string state = "serving") =>
        new()
        {
            Applied = new()
            {
                History = applied.History,
                Epoch = applied.Epoch,
                Chain = ByteString.CopyFrom(applied.Chain.ToArray()),
            },
            State = state,
            Version = "1.2.3",
            StartedAt = 1_700_000_000_000,
            ProcessId = 4711,
        };

    public static async Task<NodeState> StateAsync(TestCatalogue test, NodeBoard board, string name)
    {
        var node = await test.Catalogue.FindAsync(EntityKinds.Node, name, ModelJson.Default.Node, Stop);
        return board.StateOf(node!.Value, await test.Catalogue.ReadHeadAsync(Stop));
    }
}
