using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Gatehouse.ClusterTests.Clusters;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.Model;
using Gatehouse.TestSupport;

namespace Gatehouse.ClusterTests.Managers;

public sealed partial class ProfileTests : ClusterTest
{
    private static readonly string[] s_parts =
    [
        "gateway-manager",
        "api-publisher",
        "api-devportal",
        "api-key-manager",
        "traffic-manager",
    ];

    private static readonly string[] s_pages =
    [
        "GET /admin",
        "GET /publisher",
        "GET /publisher/apis",
        "GET /devportal",
        "GET /devportal/applications",
        "POST /oauth2/token",
        "POST /token",
        "GET /authorize",
        "POST /revoke",
        "GET /userinfo",
        "GET /device",
        "GET /.well-known/openid-configuration",
        "GET /api/v1/no-such-thing",
    ];

    [Fact]
    public async Task Every_profile_is_a_node_of_its_own_does_its_part_and_answers_the_rest_as_unknown()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        var database = server.NodeSettings("gatehouse");
        await using var cluster = new RealCluster("test", null, "127.0.0.1", [], "control-plane");
        Watched(cluster);
        cluster.Manager.Settings = database;
        foreach (var profile in s_parts)
        {
            cluster.Add(profile, profile).Settings = database;
        }

        cluster.Add("worker-1", "gateway-worker");
        cluster.Add("balancer-1", "load-balancer");
        await cluster.FoundAsync();
        await cluster.JoinAsync([.. cluster.Nodes.Skip(1)]);
        await using var backend = await TestBackend.StartAsync();

        // 1. Each does its part, for one API that is then called.
        using var limits = cluster.RestOf(cluster["traffic-manager"]);
        await limits.SendAsync(
            HttpMethod.Post,
            "plans",
            new JsonObject
            {
                ["name"] = "Copper",
                ["description"] = "",
                ["billing"] = "free",
                ["stopOnQuotaReach"] = true,
                ["quota"] = "1000/min",
            }
        );
        using var publisher = cluster.RestOf(cluster["api-publisher"]);
        var api = await publisher.DeployAsync("things", backend.Url);
        using var devportal = cluster.RestOf(cluster["api-devportal"]);
        var (_, key) = await devportal.CreateKeyAsync("caller", api);
        using var keys = cluster.RestOf(cluster["api-key-manager"]);
        await keys.SendAsync(HttpMethod.Get, "issuers");
        var call = new Uri($"https://localhost:{cluster["balancer-1"].Https}/things/1.0.0/x");
        await cluster.AnswersAsync(call, key, HttpStatusCode.OK);

        // 2. What it does not run it answers like a path that nobody knows.
        foreach (var node in cluster.Nodes.Where(n => n.Profile == "control-plane" || s_parts.Contains(n.Profile)))
        {
            Assert.True(Profiles.TryParse(node.Profile, out var profile));
            var at = string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{node.ManagementHttps}");
            var unknown = await AskAsync(cluster, at, "GET /api/v1/no-such-thing");
            foreach (var route in ManagementRoutes.All().Concat(s_pages))
            {
                var (method, path) = (route.Split(' ')[0], Parameter().Replace(route.Split(' ')[1], "1"));
                var (status, body) = await AskAsync(cluster, at, $"{method} {path}");
                if (!ManagementParts.Serves(ManagementParts.Of(profile), method, path))
                {
                    Assert.True(
                        status == HttpStatusCode.NotFound,
                        $"{node.Name}: {route} answers {(int)status} {body}"
                    );
                    Assert.Equal(
                        unknown.Body.Replace("GET /api/v1/no-such-thing", "", StringComparison.Ordinal),
                        body.Replace($"{method} {path}", "", StringComparison.Ordinal)
                    );
                }
                else if (path.StartsWith("/api/v1/", StringComparison.Ordinal) && !s_pages.Contains(route))
                {
                    Assert.False(
                        status == HttpStatusCode.NotFound
                            && body.Contains("is nothing that this manager answers", StringComparison.Ordinal),
                        $"{node.Name} does not run {route}: {body}"
                    );
                }
            }
        }

        // 3. The balancer asks a manager that runs what is asked, whichever it is.
        var management = $"https://localhost:{cluster["balancer-1"].Https}";
        for (var i = 0; i < 12; i++)
        {
            foreach (var path in new[] { "applications", "apis", "plans", "issuers", "nodes", "audit" })
            {
                var (status, body) = await AskAsync(cluster, management, $"GET /api/v1/{path}", "mgt.localhost");
                Assert.True(status == HttpStatusCode.OK, $"{path} through the balancer: {(int)status} {body}");
            }
        }
    }

    private static async Task<(HttpStatusCode Status, string Body)> AskAsync(
        RealCluster cluster,
        string at,
        string route,
        string? host = null
    )
    {
        var parts = route.Split(' ');
        using var request = new HttpRequestMessage(new(parts[0]), at + parts[1]);
        request.Headers.Authorization = new("Bearer", cluster.AccessToken);
        request.Headers.Host = host;
        if (parts[0] is "POST" or "PUT" or "PATCH")
        {
            // No JSON, so that nothing is changed by it.
            request.Content = new StringContent("?", System.Text.Encoding.UTF8, "text/plain");
        }

        // Somebody's last sign-out would end the walk.
        if (parts[1] == "/api/v1/logout" || parts[0] == "DELETE")
        {
            request.Headers.Authorization = null;
        }

        using var response = await cluster.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        // A stream of events does not end.
        return response.Content.Headers.ContentType?.MediaType == "text/event-stream"
            ? (response.StatusCode, "")
            : (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
