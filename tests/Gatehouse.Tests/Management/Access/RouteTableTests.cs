using System.Net;
using Gatehouse.Management;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Tests.Management;

public sealed class RouteTableTests
{
    private static readonly string[] s_open =
    [
        "GET /api/v1/gateway-keys",
        "GET /api/v1/openapi.json",
        "GET /api/v1/sign-in",
        "GET /api/v1/sign-in/oidc",
        "POST /api/v1/links",
        "POST /api/v1/login",
        "POST /api/v1/set-up",
        "POST /api/v1/sign-in",
        "POST /api/v1/sign-in/one-time-code",
        "POST /api/v1/sign-in/passkey",
        "POST /api/v1/sign-in/passkey/options",
        "POST /api/v1/sign-up",
    ];

    [Fact]
    public async Task Every_route_but_these_names_a_permission_and_turns_away_who_shows_no_token()
    {
        await using var management = await TestManagement.StartAsync();
        var open = new List<string>();

        foreach (var (method, route) in Routes(management))
        {
            var name = $"{method} {route.RoutePattern.RawText}";
            if (route.Metadata.GetMetadata<IAllowAnonymous>() is not null)
            {
                open.Add(name);
                continue;
            }

            Assert.True(route.Metadata.GetMetadata<PermissionRequirement>() is not null, $"{name} names no permission");
            foreach (var token in new[] { null, "nonsense", "gha_" + new string('a', 43) })
            {
                using var response = await management.SendAsync(method, PathOf(route), token, "{}");
                Assert.True(
                    response.StatusCode == HttpStatusCode.Unauthorized,
                    $"{name} answers {response.StatusCode}"
                );
            }
        }

        Assert.Equal(s_open, open.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_route_turns_away_a_role_that_is_not_known()
    {
        await using var management = await TestManagement.StartAsync();
        var token = await management.TokenAsync();
        await using (var context = management.Catalogue.Catalogue.Open())
        {
            await Microsoft.EntityFrameworkCore.EntityFrameworkQueryableExtensions.ExecuteUpdateAsync(
                context.AccessTokens,
                set => set.SetProperty(t => t.Role, "emperor"),
                TestContext.Current.CancellationToken
            );
        }

        foreach (
            var (method, route) in Routes(management)
                .Where(r => r.Route.Metadata.GetMetadata<IAllowAnonymous>() is null)
        )
        {
            using var response = await management.SendAsync(method, PathOf(route), token, "{}");
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_route_that_somebody_forgot_to_guard_is_closed()
    {
        await using var management = await TestManagement.StartAsync(map: app =>
            app.MapGet("/forgotten", () => "secret")
        );

        using var without = await management.SendAsync("GET", "/forgotten");
        using var with = await management.SendAsync("GET", "/forgotten", await management.TokenAsync());

        Assert.Equal(HttpStatusCode.Unauthorized, without.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, with.StatusCode);
    }

    [Theory]
    [InlineData(Roles.Auditor, "GET", "/api/v1/audit", HttpStatusCode.OK)]
    [InlineData(Roles.Auditor, "POST", "/api/v1/nodes/worker-1/drain", HttpStatusCode.Forbidden)]
    [InlineData(Roles.Auditor, "POST", "/api/v1/join-tokens", HttpStatusCode.Forbidden)]
    [InlineData(Roles.Publisher, "GET", "/api/v1/status", HttpStatusCode.OK)]
    [InlineData(Roles.Publisher, "DELETE", "/api/v1/nodes/worker-1", HttpStatusCode.Forbidden)]
    [InlineData(Roles.Publisher, "GET", "/api/v1/audit", HttpStatusCode.Forbidden)]
    [InlineData(Roles.Subscriber, "GET", "/api/v1/join-tokens", HttpStatusCode.Forbidden)]
    [InlineData(Roles.Operator, "GET", "/api/v1/join-tokens", HttpStatusCode.OK)]
    [InlineData(Roles.Operator, "POST", "/api/v1/trace-grants", HttpStatusCode.Created)]
    [InlineData(Roles.Publisher, "POST", "/api/v1/trace-grants", HttpStatusCode.Created)]
    [InlineData(Roles.Subscriber, "POST", "/api/v1/trace-grants", HttpStatusCode.Forbidden)]
    [InlineData(Roles.Auditor, "POST", "/api/v1/trace-grants", HttpStatusCode.Forbidden)]
    public async Task A_role_opens_what_it_is_for(string role, string method, string path, HttpStatusCode status)
    {
        await using var management = await TestManagement.StartAsync();

        using var response = await management.SendAsync(
            method,
            path,
            await management.TokenAsync(role),
            method == "POST" ? "{}" : null
        );

        Assert.Equal(status, response.StatusCode);
    }

    private static IEnumerable<(string Method, RouteEndpoint Route)> Routes(TestManagement management) =>
        from route in management.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        from method in route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods
        select (method, route);

    private static string PathOf(RouteEndpoint route) =>
        string.Join(
            '/',
            route.RoutePattern.PathSegments.Select(s =>
                s.Parts[0] is Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal
                    ? literal.Content
                    : "1"
            )
        )
            is var path
            ? "/" + path
            : "";
}
