using System.Net;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Tests.Management.Apis;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Tests.Management.Listings;

/// <summary>Who may do what with one API.</summary>
public sealed class ApiTeamTests
{
    private const string Team =
        """[{"user":"ed","may":["edit"]},{"user":"dan","may":["deploy"]},{"user":"pat","may":["own"]},{"user":"rita","may":["read"]}]""";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task For_a_publisher_outside_the_team_the_API_is_not_there_at_any_route()
    {
        await using var manager = await WithTeamAsync();
        var eve = await manager.TokenAsync("eve", Roles.Publisher);

        foreach (var (method, path, publishes) in Routes(manager))
        {
            using var response = await manager.SendAsync(new(method), path, method == "GET" ? null : "{}", token: eve);
            var text = await response.Content.ReadAsStringAsync(Stop);
            // Where the body is judged before the API is looked for, nothing of the API is told either.
            Assert.True(
                response.StatusCode == HttpStatusCode.NotFound
                    || (!publishes && response.StatusCode == HttpStatusCode.BadRequest),
                $"{method} {path}: {(int)response.StatusCode} {text}"
            );
        }

        using var list = await manager.SendAsync(HttpMethod.Get, "apis", token: eve);
        Assert.DoesNotContain("petstore", await list.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        using var update = await manager.SendAsync(HttpMethod.Post, "apis?update=true", Documents.Pets, token: eve);
        Assert.Equal(HttpStatusCode.NotFound, update.StatusCode);
    }

    [Fact]
    public async Task A_member_may_what_the_team_says_and_no_more()
    {
        await using var manager = await WithTeamAsync();
        var (ed, dan, pat, rita, oli) = (
            await manager.TokenAsync("ed", Roles.Publisher),
            await manager.TokenAsync("Dan", Roles.Publisher),
            await manager.TokenAsync("pat", Roles.Publisher),
            await manager.TokenAsync("rita", Roles.Subscriber),
            await manager.TokenAsync("oli", Roles.Operator)
        );
        var put = new HttpMethod("PUT");
        foreach (
            var (who, method, path, body, status) in new (string, HttpMethod, string, string?, HttpStatusCode)[]
            {
                (rita, HttpMethod.Get, "apis/petstore", null, HttpStatusCode.OK),
                (rita, HttpMethod.Get, "apis/petstore/revisions", null, HttpStatusCode.OK),
                (rita, HttpMethod.Patch, "apis/petstore", """{"description":"x"}""", HttpStatusCode.Forbidden),
                (oli, HttpMethod.Get, "apis/petstore", null, HttpStatusCode.OK),
                (ed, HttpMethod.Patch, "apis/petstore", """{"description":"x"}""", HttpStatusCode.OK),
                (ed, put, "apis/petstore/listing", """{"title":"Pets"}""", HttpStatusCode.OK),
                (
                    ed,
                    put,
                    "apis/petstore/listing",
                    """{"team":[{"user":"ed","may":["own"]}]}""",
                    HttpStatusCode.Forbidden
                ),
                (ed, put, "apis/petstore/listing", """{"team":[]}""", HttpStatusCode.Forbidden),
                (ed, HttpMethod.Post, "apis/petstore/deployments", "{}", HttpStatusCode.Forbidden),
                (ed, HttpMethod.Post, "apis/petstore/lifecycle", """{"action":"publish"}""", HttpStatusCode.Forbidden),
                (ed, HttpMethod.Delete, "apis/petstore", null, HttpStatusCode.Forbidden),
                (dan, HttpMethod.Patch, "apis/petstore", """{"description":"y"}""", HttpStatusCode.Forbidden),
                (dan, HttpMethod.Post, "apis/petstore/deployments", "{}", HttpStatusCode.OK),
                (dan, HttpMethod.Get, "apis/petstore/source", null, HttpStatusCode.OK),
                (pat, put, "apis/petstore/listing", """{"team":[{"user":"pat","may":["own"]}]}""", HttpStatusCode.OK),
                (ed, HttpMethod.Patch, "apis/petstore", """{"description":"z"}""", HttpStatusCode.Forbidden),
                (pat, HttpMethod.Delete, "apis/petstore", null, HttpStatusCode.NoContent),
            }
        )
        {
            using var response = await manager.SendAsync(method, path, body, token: who);
            var text = await response.Content.ReadAsStringAsync(Stop);
            Assert.True(response.StatusCode == status, $"{method} {path} {body}: {(int)response.StatusCode} {text}");
        }
    }

    [Fact]
    public async Task A_published_API_is_for_other_publishers_what_it_is_for_app_developers()
    {
        await using var manager = await WithTeamAsync();
        await manager.AskAsync<LifecycleView>(HttpMethod.Post, "apis/petstore/lifecycle", """{"action":"publish"}""");
        var eve = await manager.TokenAsync("eve", Roles.Publisher);

        using var listing = await manager.SendAsync(HttpMethod.Get, "apis/petstore/listing", token: eve);
        using var shown = await manager.SendAsync(HttpMethod.Get, "apis/petstore", token: eve);
        var refused = await manager.RefusedAsync(
            HttpStatusCode.Forbidden,
            HttpMethod.Patch,
            "apis/petstore",
            """{"description":"x"}""",
            token: eve
        );

        Assert.Equal(HttpStatusCode.OK, shown.StatusCode);
        foreach (
            var text in new[]
            {
                await listing.Content.ReadAsStringAsync(Stop),
                await shown.Content.ReadAsStringAsync(Stop),
            }
        )
        {
            Assert.DoesNotContain("pat", text.Replace("path", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        Assert.Equal("You may not edit the API petstore:1.0.0", refused.Title);
    }

    [Fact]
    public async Task A_team_is_set_from_the_command_line_kept_by_older_clients_and_judged()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);

        var set = await manager.RunAsync("api", "listing", "petstore", "team=pat:own,ed:edit+deploy");
        await manager.AskAsync<ApiListing>(HttpMethod.Put, "apis/petstore/listing", """{"title":"Pets"}""");
        var version = await manager.RunAsync("api", "version", "petstore", "2.0.0");
        var copy = await manager.AskAsync<ApiListing>(HttpMethod.Get, "apis/petstore:2.0.0/listing");
        var bad = await manager.RunAsync("api", "listing", "petstore:1.0.0", "team=ed:edit");
        var worse = await manager.RunAsync("api", "listing", "petstore:1.0.0", "team=ed:fly");
        var none = await manager.RunAsync("api", "listing", "petstore:1.0.0", "team=none");

        Assert.True(set.Code == ExitCode.Done, set.Error);
        Assert.Contains("ed:edit+deploy, pat:own", set.Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, version.Code);
        Assert.Equal(["ed", "pat"], copy.Team!.Value.Select(m => m.User));
        Assert.Contains("A team has an owner", bad.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, worse.Code);
        Assert.Contains("every publisher", none.Out, StringComparison.Ordinal);
    }

    private static async Task<LiveManager> WithTeamAsync()
    {
        var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<ApiListing>(HttpMethod.Put, "apis/petstore/listing", $$"""{"team":{{Team}}}""");
        return manager;
    }

    private static IEnumerable<(string Method, string Path, bool Publishes)> Routes(LiveManager manager) =>
        from route in manager.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        where route.RoutePattern.RawText!.Contains("/apis/{id}", StringComparison.Ordinal)
        from method in route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods
        let path = route.RoutePattern.RawText!.Split("/api/v1/")[1]
        select (
            method,
            System.Text.RegularExpressions.Regex.Replace(
                path.Replace("{id}", "petstore:1.0.0", StringComparison.Ordinal),
                @"\{[^}]*\}",
                "1"
            ),
            route.Metadata.GetMetadata<PermissionRequirement>()!.Permission == Permission.Publish
        );
}
