using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>A worker, and a balancer with a worker, between a hostile caller and a backend that keeps every byte.</summary>
public sealed class SmugglingTests
{
    private const string Api = "/petstore/1.0.0";
    private const string Last = $"GET {Api}/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_that_is_refused_reaches_the_backend_as_a_request(bool balanced)
    {
        await using var backend = new StrictBackend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        await using var balancer = balanced ? await BalancedGateway.InFrontOfAsync(gateway) : null;
        var port = balancer?.Port ?? gateway.Port;

        // A preface goes to HTTP/2's own listener, which answers in frames.
        foreach (var wire in WireCases.Refused.Where(w => w.Violation != Violation.Preface))
        {
            var before = backend.Requests.Count;
            using var client = await RawClient.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
            await client.SendAsync(InApi(wire.Bytes) + Last);
            var answer = await client.ReadAsync(text => RawClient.Statuses(text).Length > wire.Requests);
            var requests = backend.Requests.Skip(before).ToList();

            Assert.True(
                RawClient.Statuses(answer) is [.., var last] && (last is >= 400 and < 500 or 505),
                $"{wire.Name}: {answer}"
            );
            Assert.True(
                requests.Count <= wire.Requests,
                $"{wire.Name}: the backend read {string.Join('\n', requests)}"
            );
        }

        Assert.DoesNotContain(backend.Requests, r => r.Target.Contains("last", StringComparison.Ordinal));
        backend.AssertUnambiguous();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_accepted_reaches_the_backend_with_one_reading_and_its_body_whole(bool balanced)
    {
        await using var backend = new StrictBackend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        await using var balancer = balanced ? await BalancedGateway.InFrontOfAsync(gateway) : null;
        var port = balancer?.Port ?? gateway.Port;
        var forwarded = 0;

        foreach (var wire in WireCases.Valid)
        {
            using var client = await RawClient.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
            var stream = InApi(wire.Bytes) + Last;
            await client.SendAsync(stream);
            var statuses = RawClient.Statuses(await client.ReadAsync()).Where(s => s != 100).ToList();
            var expected = StrictReader.Read(stream, out _);

            Assert.Equal(expected.Count, statuses.Count);
            forwarded += statuses.Count(s => s == 200);
            Assert.All(
                expected.Zip(statuses).Where(pair => pair.Second == 200),
                pair =>
                    Assert.Contains(backend.Requests, r => r.Body == pair.First.Body && r.Method == pair.First.Method)
            );
        }

        Assert.Equal(forwarded, backend.Requests.Count);
        backend.AssertUnambiguous();
    }

    [Theory]
    [InlineData("get", false)]
    [InlineData("get", true)]
    [InlineData("Post", true)]
    public async Task A_method_in_another_case_is_no_known_one_and_reaches_no_backend_as_such(
        string method,
        bool balanced
    )
    {
        await using var backend = new StrictBackend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        await using var balancer = balanced ? await BalancedGateway.InFrontOfAsync(gateway) : null;
        using var client = await RawClient.ConnectAsync(
            new(System.Net.IPAddress.Loopback, balancer?.Port ?? gateway.Port)
        );

        await client.SendAsync($"{method} {Api}/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

        var answer = await client.ReadAsync();
        Assert.Equal([501], RawClient.Statuses(answer));
        Assert.Empty(backend.Requests);
    }

    /// <summary>The same bytes for a path that the backend serves.</summary>
    private static string InApi(string bytes) => bytes.Replace(" / HTTP", $" {Api}/x HTTP", StringComparison.Ordinal);
}
