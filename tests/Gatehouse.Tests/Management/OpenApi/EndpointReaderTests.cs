using System.Text;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;

namespace Gatehouse.Tests.Management.OpenApi;

public sealed class EndpointReaderTests
{
    private const string Document = """
        openapi: 3.0.3
        info: { title: Pets, version: "1" }
        paths: { /pets: { get: { responses: { "200": { description: ok } } } } }
        x-gatehouse-endpoints:
          algorithm: least-requests
          sticky: true
          retryPercent: 30
          breaker: { failures: 4, openFor: 20 }
          health: { path: /health, interval: 5 }
          endpoints:
            - { url: "http://a:8080", weight: 3 }
            - { url: "http://b:8080", group: 1, responseTimeout: 2.5 }
        """;

    [Fact]
    public void The_document_says_how_requests_are_spread()
    {
        var set = OpenApiReader.Read(Encoding.UTF8.GetBytes(Document)).Endpoints!;

        Assert.Equal(("least-requests", true, 30), (set.Algorithm, set.Sticky, set.RetryPercent));
        Assert.Equal((4, TimeSpan.FromSeconds(20)), (set.Breaker!.Failures, set.Breaker.OpenFor));
        Assert.Equal(
            ("/health", TimeSpan.FromSeconds(5), 3),
            (set.Health!.Path, set.Health.Interval, set.Health.Failures)
        );
        Assert.Equal(["http://a:8080", "http://b:8080"], set.Endpoints.Select(e => e.Url));
        Assert.Equal(
            (3, 1, TimeSpan.FromSeconds(2.5)),
            (set.Endpoints[0].Weight, set.Endpoints[1].Group, set.Endpoints[1].ResponseTimeout)
        );
    }

    [Theory]
    [InlineData("weight: 3", "weight: many")]
    [InlineData("openFor: 20", "openFor: -1")]
    [InlineData("interval: 5", "interval: 1h")]
    public void What_is_no_number_is_a_problem_with_its_line(string sound, string unsound) =>
        Assert.All(
            Assert
                .Throws<ProblemsException>(() =>
                    OpenApiReader.Read(
                        Encoding.UTF8.GetBytes(Document.Replace(sound, unsound, StringComparison.Ordinal))
                    )
                )
                .Problems,
            p => Assert.True(p.Line > 4)
        );
}
