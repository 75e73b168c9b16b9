namespace Gatehouse.Tests.Gateway;

/// <summary>Headers that a request's <c>Connection</c> names end at the gateway (RFC 9110 §7.6.1), whatever else it says.</summary>
public sealed class NamedHeaderTests
{
    [Theory]
    [InlineData("Connection: X-Hop, close")]
    [InlineData("Connection: close, X-Hop")]
    [InlineData("Connection: x-hop ,\tCLOSE")]
    [InlineData("Connection: X-Hop\r\nConnection: close")]
    [InlineData("Connection: close\r\nConnection: Other, X-Hop")]
    [InlineData("Connection: keep-alive, X-Hop\r\nConnection: close")]
    [InlineData("Connection: X-Hop, keep-alive, close")]
    public async Task A_named_header_stays_here(string connection)
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());

        // All of them ask for the end of the connection, and nobody waits for it until the connection has been idle for long.
        var answer = await gateway
            .RawAsync(
                $"GET /petstore/1.0.0/a HTTP/1.1\r\nHost: a\r\nX-Hop: secret\r\n{connection}\r\nX-End: kept\r\n\r\n"
            )
            .WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Null(backend.Only.Header("X-Hop"));
        Assert.Equal("kept", backend.Only.Header("X-End"));
    }

    [Theory]
    [InlineData("Connection: keep-alive, X-Hop")]
    [InlineData("Connection: X-Hop\r\nConnection: keep-alive")]
    public async Task What_one_request_names_the_next_ones_keep_even_when_all_come_at_once(string connection)
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        const string head = "POST /petstore/1.0.0/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-Hop: secret\r\n";

        await gateway.RawAsync(
            $"{head}\r\nhi{head}{connection}\r\n\r\nhi{head}Connection: keep-alive\r\n\r\nhi{head}Connection: X-Hop, close\r\n\r\nhi"
        );

        Assert.Equal(["secret", null, "secret", null], backend.Requests.Select(r => r.Header("X-Hop")));
    }
}
