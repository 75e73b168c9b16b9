using System.Net;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Gateway;

/// <summary>Two revisions of one API side by side.</summary>
public sealed class CanaryTests : IAsyncLifetime
{
    private const string Path = "/petstore/1.0.0/pets";

    private readonly Backend _stable = new((_, stream) => Backend.ReplyAsync(stream, "stable"));
    private readonly Backend _canary = new((_, stream) => Backend.ReplyAsync(stream, "canary"));
    private TestGateway _gateway = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _gateway = await TestGateway.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _stable.DisposeAsync();
        await _canary.DisposeAsync();
    }

    [Theory]
    [InlineData(10)]
    [InlineData(50)]
    public async Task So_many_of_a_hundred_callers_get_the_other_revision_and_always_the_same_ones(int percent)
    {
        const int callers = 300;
        _gateway.Run([
            With(percent).Put(),
            .. Enumerable
                .Range(0, callers)
                .SelectMany(i => Entities.Consumer(secret: Secret(i), app: $"app_{i}", key: $"key_{i}")),
        ]);

        var got = new List<string>();
        for (var i = 0; i < callers; i++)
        {
            var first = await AskAsync(Secret(i));
            Assert.Equal(first, await AskAsync(Secret(i)));
            got.Add(first);
        }

        // Of 300 fair throws three standard deviations are 26 at most.
        Assert.InRange(got.Count(g => g == "canary"), (callers * percent / 100) - 30, (callers * percent / 100) + 30);
        Assert.Equal(2 * callers, _stable.Requests.Count + _canary.Requests.Count);
        var metrics = Metrics();
        Assert.Contains("api=\"petstore:1.0.0 (canary)\"", metrics, StringComparison.Ordinal);
        Assert.Contains("api=\"petstore:1.0.0\"", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_other_revision_has_its_own_operations_and_ends_with_a_deployment_for_everybody()
    {
        var api = With(99);
        _gateway.Run([
            (
                api with
                {
                    Canary = api.Canary! with
                    {
                        Api = api.Canary.Api with { Operations = Entities.Operations("GET /cats") },
                    },
                }
            ).Put(),
            .. Entities.Consumer(),
        ]);
        Assert.Equal(HttpStatusCode.NotFound, (await _gateway.GetAsync(Path, Entities.Secret)).StatusCode);
        Assert.Equal("canary", await AskAsync(Entities.Secret, "/petstore/1.0.0/cats"));

        _gateway.Run(api.Canary!.Api.Keyed().Put());

        Assert.Equal("canary", await AskAsync(Entities.Secret));
        Assert.DoesNotContain("(canary)", Metrics(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_canary_at_another_address_is_refused()
    {
        var api = With(10);
        var moved = api with { Canary = api.Canary! with { Api = api.Canary.Api with { Context = "/other" } } };

        Assert.Equal("/canary/api/context", Assert.Single(_gateway.Apply(moved.Put())).Field);
        Assert.Equal("/canary/percent", Assert.Single(_gateway.Apply(With(100).Put())).Field);
    }

    [Fact]
    public async Task A_publisher_deploys_a_canary_and_then_either_revision_for_everybody()
    {
        await using var manager = await LiveManager.StartAsync();
        var early = await manager.RunAsync("api", "import", manager.Write("pets.yaml", Documents.Pets));
        Assert.Equal(ExitCode.Done, early.Code);
        var nothing = await manager.RunAsync("deploy", "petstore", "--canary", "10");
        await manager.RunAsync("deploy", "petstore");
        var same = await manager.RunAsync("deploy", "petstore", "--canary", "10");
        await manager.RunAsync("api", "import", manager.Write("pets2.yaml", Documents.PetsToo), "--update");

        var canary = await manager.RunAsync("deploy", "petstore", "--canary", "10");

        Assert.Equal(ExitCode.Conflict, nothing.Code);
        Assert.Contains("nothing to run a canary beside", nothing.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Conflict, same.Code);
        Assert.Equal(ExitCode.Done, canary.Code);
        Assert.Contains("r2 is for 10 of a hundred callers, r1 for the others", canary.Error, StringComparison.Ordinal);
        var both = await DeployedAsync(manager);
        Assert.Equal((1, 2, 10), (both.Revision, both.Canary!.Api.Revision, both.Canary.Percent));

        await manager.RunAsync("deploy", "petstore");
        var promoted = await DeployedAsync(manager);
        Assert.Equal((2, null), (promoted.Revision, promoted.Canary));
        Assert.Equal(ExitCode.Invalid, (await manager.RunAsync("deploy", "petstore", "--canary", "100")).Code);
    }

    private static async Task<Api> DeployedAsync(LiveManager manager) =>
        (await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop))!.Value;

    private Api With(int percent) =>
        Entities.Petstore(_stable.Url).Keyed() with
        {
            Canary = new() { Percent = percent, Api = Entities.Petstore(_canary.Url).Keyed() with { Revision = 2 } },
        };

    private static string Secret(int i) => $"gk_test_{i:000000}";

    private async Task<string> AskAsync(string key, string path = Path)
    {
        using var answer = await _gateway.GetAsync(path, key);
        return await answer.Content.ReadAsStringAsync(Stop);
    }

    private string Metrics()
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        _gateway.Engine.WriteMetrics(buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
