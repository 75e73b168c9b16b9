using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>On a worker there is nothing to manage with, whatever port and path one tries.</summary>
[Collection(SharedClusterUsers.Name)]
public sealed partial class OutOfReachTests : ClusterTest
{
    // What this release has no route for yet, and what stands beside the management's routes.
    private static readonly string[] s_others =
    [
        "GET /ca.pem",
        "GET /admin/",
        "GET /publisher",
        "GET /devportal",
        "POST /oauth2/token",
        "GET /oauth2/authorize",
        "POST /oauth2/revoke",
        "POST /oauth2/introspect",
        "GET /oauth2/userinfo",
        "GET /oauth2/jwks",
        "GET /.well-known/openid-configuration",
        "GET /api",
        "GET /api/v1",
        "GET /api/v1/",
        "GET /API/V1/status",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
        "POST /gatehouse.v1.Feed/Follow",
        "POST /gatehouse.v1.Enrolment/Join",
        "GET /authorities",
        "GET /cluster",
    ];

    private readonly SharedCluster _shared;

    public OutOfReachTests(SharedCluster shared)
    {
        _shared = shared;
        Watched(shared.Cluster);
    }

    private RealCluster Cluster => _shared.Cluster;

    [Fact]
    public async Task Every_management_route_on_every_port_of_a_worker_answers_as_an_unknown_API()
    {
        var routes = ManagementRoutes.All().Concat(s_others).ToList();
        Assert.True(routes.Count > s_others.Length + 30, $"only {routes.Count} routes were found");
        var worker = Cluster["worker-1"];
        foreach (
            var port in new[]
            {
                $"https://localhost:{Port(worker.Https)}",
                $"http://localhost:{Port(worker.Http)}",
                $"https://localhost:{Port(worker.ManagementHttps)}",
                $"http://localhost:{Port(worker.ManagementHttp)}",
            }
        )
        {
            foreach (var route in routes)
            {
                var (status, body) = await AskAsync(port, route);
                Assert.True(
                    status == HttpStatusCode.NotFound && body.Contains("No API answers here", StringComparison.Ordinal),
                    $"{route} on {port} answers {(int)status}: {body}"
                );
            }
        }
    }

    [Fact]
    public async Task Through_the_balancer_the_API_host_never_reaches_management_and_the_management_host_does()
    {
        var balancer = Cluster["balancer-1"];
        var address = $"https://localhost:{Port(balancer.Https)}";
        foreach (var route in ManagementRoutes.All().Concat(s_others))
        {
            var (status, body) = await AskAsync(address, route);
            Assert.True(
                status == HttpStatusCode.NotFound && body.Contains("No API answers here", StringComparison.Ordinal),
                $"{route} on the API host answers {(int)status}: {body}"
            );
        }

        var (reached, text) = await AskAsync(address, "GET /api/v1/status", "mgt.localhost");
        Assert.True(reached == HttpStatusCode.OK, $"{(int)reached} {text}");
        Assert.Contains("manager-1", text, StringComparison.Ordinal);

        // And the management host reaches no API.
        (reached, text) = await AskAsync(address, "GET /things/1.0.0/one", "mgt.localhost");
        Assert.True(reached == HttpStatusCode.NotFound, $"{(int)reached} {text}");
    }

    private async Task<(HttpStatusCode Status, string Body)> AskAsync(string address, string route, string? host = null)
    {
        var parts = route.Split(' ');
        var path = Parameter().Replace(parts[1], m => m.Value.Contains(":int", StringComparison.Ordinal) ? "1" : "x");
        using var request = new HttpRequestMessage(new(parts[0]), address + path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Cluster.AccessToken);
        request.Headers.Add("apikey", _shared.Key);
        request.Headers.Host = host;
        using var response = await Cluster.Http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static string Port(int port) => port.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
