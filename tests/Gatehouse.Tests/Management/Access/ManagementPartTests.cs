using System.Text.Json;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Tests.Management;

public sealed class ManagementPartTests
{
    [Fact]
    public void A_gateway_manager_that_an_older_build_let_in_runs_what_it_ran()
    {
        var node = JsonSerializer.Deserialize(
            """{"name":"m","profile":"gateway-manager","subDomain":"mgt","host":"h","internalPort":7443}""",
            ModelJson.Default.Node
        )!;

        Assert.Equal(ManagementPart.All, ManagementParts.Of(node));
        Assert.False(
            ManagementParts.Serves(ManagementParts.Of(node with { KeepsToProfile = true }), "GET", "/publisher")
        );
    }

    [Fact]
    public async Task A_gateway_manager_keeps_what_it_had_over_a_restart_and_a_new_one_keeps_to_its_profile()
    {
        await using var management = await TestManagement.StartAsync();
        await TestNodes.RegisterAsync(management.Catalogue, "new", Profile.GatewayManager);
        await management.Catalogue.Catalogue.CommitAsync(
            new CatalogueTransaction(Actor.System, "as an older build wrote it").Put(
                EntityKinds.Node,
                "old",
                (await FindAsync("new")) with
                {
                    Name = "old",
                    KeepsToProfile = null,
                },
                ModelJson.Default.Node
            ),
            TestContext.Current.CancellationToken
        );

        await TestNodes.RegisterAsync(management.Catalogue, "new", Profile.GatewayManager);
        await TestNodes.RegisterAsync(management.Catalogue, "old", Profile.GatewayManager);

        Assert.Equal(ManagementPart.Operations | ManagementPart.Rest, ManagementParts.Of(await FindAsync("new")));
        Assert.Equal(ManagementPart.All, ManagementParts.Of(await FindAsync("old")));

        async Task<Node> FindAsync(string name) =>
            (
                await management.Catalogue.Catalogue.FindAsync(
                    EntityKinds.Node,
                    name,
                    ModelJson.Default.Node,
                    TestContext.Current.CancellationToken
                )
            )!.Value;
    }

    [Fact]
    public async Task Every_route_belongs_to_a_part()
    {
        await using var management = await TestManagement.StartAsync();
        var strays = management
            .Get<EndpointDataSource>()
            .Endpoints.OfType<RouteEndpoint>()
            .SelectMany(e =>
                e.Metadata.GetRequiredMetadata<IHttpMethodMetadata>()
                    .HttpMethods.Select(m => (Method: m, Path: $"/{e.RoutePattern.RawText!.TrimStart('/')}"))
            )
            .Where(r => ManagementParts.Of(r.Method, r.Path) == ManagementPart.None);

        Assert.Empty(strays);
    }

    [Theory]
    [InlineData("api-publisher", "POST", "/api/v1/apis", true)]
    [InlineData("api-publisher", "POST", "/API/V1/APIS/x/deployments", true)]
    [InlineData("api-publisher", "GET", "/api/v1/plans", true)]
    [InlineData("api-publisher", "POST", "/api/v1/plans", false)]
    [InlineData("api-publisher", "GET", "/api/v1/applications", false)]
    [InlineData("api-publisher", "GET", "/devportal/apis", false)]
    [InlineData("api-store", "GET", "/api/v1/apis/x", true)]
    [InlineData("api-devportal", "POST", "/api/v1/applications/x/keys", true)]
    [InlineData("api-devportal", "PUT", "/api/v1/apis/x/rating", true)]
    [InlineData("api-devportal", "POST", "/api/v1/apis/x/deployments", false)]
    [InlineData("api-devportal", "DELETE", "/api/v1/apis/x", false)]
    [InlineData("api-devportal", "GET", "/publisher", false)]
    [InlineData("api-key-manager", "POST", "/oauth2/token", true)]
    [InlineData("api-key-manager", "GET", "/api/v1/issuers/x", true)]
    [InlineData("api-key-manager", "GET", "/api/v1/apis", false)]
    [InlineData("traffic-manager", "POST", "/api/v1/blocks", true)]
    [InlineData("traffic-manager", "GET", "/oauth2/token", false)]
    [InlineData("traffic-manager", "GET", "/api/v1/nodes", false)]
    [InlineData("traffic-manager", "GET", "/api/v1/something-new", false)]
    [InlineData("control-plane", "GET", "/api/v1/something-new", true)]
    [InlineData("gateway-worker", "GET", "/api/v1/status", false)]
    [InlineData("gateway-manager", "GET", "/admin/nodes", true)]
    [InlineData("gateway-manager", "POST", "/api/v1/apis/x/deployments", true)]
    [InlineData("gateway-manager", "POST", "/api/v1/applications/x/keys", true)]
    [InlineData("gateway-manager", "GET", "/api/v1/status", true)]
    [InlineData("gateway-manager", "GET", "/publisher", false)]
    [InlineData("gateway-manager", "GET", "/publisher/apis/x", false)]
    [InlineData("gateway-manager", "GET", "/devportal", false)]
    [InlineData("gateway-manager", "GET", "/store", false)]
    [InlineData("gateway-manager", "POST", "/oauth2/token", false)]
    [InlineData("gateway-manager", "POST", "/token", false)]
    [InlineData("gateway-manager", "GET", "/device", false)]
    [InlineData("gateway-manager", "GET", "/.well-known/openid-configuration", false)]
    public void A_profile_runs_its_parts(string profile, string method, string path, bool runs)
    {
        Assert.True(Profiles.TryParse(profile, out var known));

        Assert.Equal(runs, ManagementParts.Serves(ManagementParts.Of(known), method, path));
    }

    [Fact]
    public void Every_manager_lets_people_sign_in()
    {
        foreach (var profile in Enum.GetValues<Profile>().Where(p => p.IsManager()))
        {
            Assert.True(ManagementParts.Serves(ManagementParts.Of(profile), "POST", "/api/v1/sign-in"), profile.Name());
            Assert.True(ManagementParts.Serves(ManagementParts.Of(profile), "GET", "/api/v1/status"), profile.Name());
        }
    }
}
