using System.Net.Sockets;
using System.Text;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway;

/// <summary>Streams that are open and say nothing end all the same when what let them in is withdrawn.</summary>
public sealed class IdleStreamTests
{
    private const string WebSocket =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    private const string Switching =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello";

    private const string Events =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";

    public static TheoryData<string, string> Streams =>
        new() { { WebSocket, Switching }, { "Accept: text/event-stream\r\n", Events } };

    [Theory]
    [MemberData(nameof(Streams))]
    public async Task A_revoked_key_ends_a_silent_stream_and_no_other(string headers, string answer)
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var backend = new Backend(
            async (_, stream) =>
            {
                await Backend.WriteAsync(stream, answer);
                await Task.Delay(Timeout.Infinite, cancellation);
            }
        );
        var log = Path.Combine(Path.GetTempPath(), $"idle-{Guid.NewGuid():N}.log");
        await using var access = new AccessLog(
            log,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<AccessLog>.Instance
        );
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var gateway = await TestGateway.StartAsync(new() { Node = "w1", AccessLog = access }, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var rechecking = gateway.Engine.RecheckStreamsAsync(stop.Token);
        gateway.Run([
            Entities.Petstore(backend.Url).Keyed().Put(),
            .. Entities.Consumer(),
            .. Entities.Consumer(secret: "gk_other", app: "app_2", key: "key_2"),
        ]);
        using var revoked = await OpenAsync(gateway, Entities.Secret, headers);
        using var other = await OpenAsync(gateway, "gk_other", headers);

        gateway.Run(Entities.Put(EntityKinds.Revocation, Revocation.OfKey("key_1"), "{}"u8.ToArray()));

        // A second is promised, and no more passes by the gateway's clock, whatever this machine takes for it.
        time.Advance(TimeSpan.FromSeconds(1));
        await EndAsync(revoked.GetStream());

        // The other half of a tunnel gets a moment for its own farewell.
        await LoopServer.Until(() => gateway.Engine.InFlight == 1);
        Assert.False(other.Client.Poll(0, SelectMode.SelectRead));
        await access.DisposeAsync();
        Assert.Contains("withdrawn", await File.ReadAllTextAsync(log, cancellation), StringComparison.Ordinal);
        File.Delete(log);
        await stop.CancelAsync();
        await rechecking;
    }

    // What has brought something is open.
    private static async Task<TcpClient> OpenAsync(TestGateway gateway, string key, string headers)
    {
        var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", gateway.Port);
        await client
            .GetStream()
            .WriteAsync(
                Encoding.ASCII.GetBytes($"GET /petstore/1.0.0/a HTTP/1.1\r\nHost: a\r\napikey: {key}\r\n{headers}\r\n")
            );
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!text.ToString().Contains("hello", StringComparison.Ordinal))
        {
            var read = await client.GetStream().ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.NotEqual(0, read);
            text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }

        return client;
    }

    private static async Task EndAsync(NetworkStream stream)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer, patience.Token) > 0) { }
        }
        catch (IOException)
        {
            // Cut, which is what was waited for.
        }
    }
}
