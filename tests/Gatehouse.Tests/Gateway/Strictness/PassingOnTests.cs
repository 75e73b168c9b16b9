using System.Net;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Gateway.Strictness;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>Connections that stop being HTTP/1, or never were.</summary>
public sealed class PassingOnTests(GuardedKestrel server) : IClassFixture<GuardedKestrel>
{
    private const string Upgrade =
        "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n";

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1)]
    public async Task After_an_upgrade_any_bytes_pass(int pieceLength)
    {
        var noise = Encoding.Latin1.GetString(RandomNumberGenerator.GetBytes(4000)) + "\n\r\0GET / HTTP/9\n\n";
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync("GET /before HTTP/1.1\r\nHost: a\r\n\r\n" + Upgrade, pieceLength);
        var answer = await client.ReadAsync(text =>
            text.Contains("101", StringComparison.Ordinal) && text.EndsWith("\r\n\r\n", StringComparison.Ordinal)
        );

        await client.SendAsync(noise, pieceLength == 1 ? 100 : pieceLength);
        var echo = await client.ReadAsync(text => text.Length >= noise.Length);

        Assert.Equal([200, 101], RawClient.Statuses(answer));
        Assert.Equal(noise, echo);
    }

    [Fact]
    public async Task Bytes_sent_together_with_an_upgrade_that_is_taken_pass()
    {
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync(Upgrade + "\0\nnoise\r");

        var answer = await client.ReadAsync(text => text.EndsWith("noise\r", StringComparison.Ordinal));

        Assert.EndsWith("\r\n\r\n\0\nnoise\r", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_sent_together_with_an_upgrade_that_is_not_taken_are_read_as_requests()
    {
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync(Upgrade.Replace("/upgrade", "/other", StringComparison.Ordinal) + "\0\nnoise\r");

        var answer = await client.ReadAsync();

        Assert.Equal([200, 400], RawClient.Statuses(answer));
        Assert.Equal(["/other"], server.ReadOn(client.Port).Select(r => r.Target));
    }

    [Fact]
    public async Task HTTP2_with_prior_knowledge_passes()
    {
        await using var plain = new GuardedKestrel(listen => listen.Protocols = HttpProtocols.Http2);
        await plain.InitializeAsync();
        using var handler = new SocketsHttpHandler();
        using var client = new HttpClient(handler);

        for (var i = 0; i < 20; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{plain.Address}/{i}")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(new byte[100_000]),
            };
            using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(HttpVersion.Version20, response.Version);
        }
    }

    [Fact]
    public async Task A_preface_that_is_not_HTTP2_reaches_no_application()
    {
        await using var plain = new GuardedKestrel(listen => listen.Protocols = HttpProtocols.Http2);
        await plain.InitializeAsync();
        using var client = await RawClient.ConnectAsync(plain.Address);
        await client.SendAsync("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");

        var answer = await client.ReadAsync();

        Assert.Contains(ViolationText.Explain(Violation.Preface), answer, StringComparison.Ordinal);
        Assert.Empty(plain.ReadOn(client.Port));
    }

    [Fact]
    public async Task A_long_body_passes_whole()
    {
        var body = Encoding.Latin1.GetString(RandomNumberGenerator.GetBytes(3_000_000));
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {body.Length}\r\n\r\n{body}", 70_000);
        await client.SendAsync(WireCases.Chunked($"{body.Length:x}\r\n{body}\r\n0\r\n\r\n"), 50_001);

        var answer = await client.ReadAsync(text => RawClient.Statuses(text).Length == 2);

        Assert.Equal([200, 200], RawClient.Statuses(answer));
        Assert.All(server.ReadOn(client.Port), r => Assert.Equal(body, r.Body));
    }
}
