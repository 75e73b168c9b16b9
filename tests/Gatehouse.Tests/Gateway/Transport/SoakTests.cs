using System.Net;
using System.Net.Sockets;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway.Transport;

/// <summary>Many connections at once, each with bytes of its own that nobody else could have sent.</summary>
[Collection(TransportRunsAlone.Name)]
public sealed class SoakTests
{
    private const int Connections = 60;
    private const int Most = 600_000;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 0.0005)]
    public async Task Every_caller_gets_its_own_bytes_back_whatever_the_kernel_does_and_nothing_leaks(
        int seed,
        double resets
    )
    {
        if (!LoopGroup.IsSupported)
        {
            return;
        }

        var faulty = seed == 0 ? null : new FaultyCalls(seed, resets);
        var lent = Buffers.Lent;
        await using (var server = new LoopServer(LoopServer.EchoAsync, faulty))
        {
            var length = faulty is null ? Most : 20_000;
            var whole = await Task.WhenAll(
                Enumerable.Range(0, Connections).Select(n => Task.Run(() => TalkAsync(server, n, length)))
            );

            // Every third hangs up in the middle; of the others all get everything when nobody resets them.
            Assert.True(whole.Count(w => w) >= (resets > 0 ? 1 : Connections * 2 / 3), $"{whole.Count(w => w)} whole");
            await server.DoneAsync(Connections);
            await LoopServer.Until(() => server.Loops.Loops.Sum(l => l.Open) == server.Loops.Loops.Length);
            await LoopServer.BuffersAreBackAsync(lent);
        }

        Assert.True(faulty is null || faulty.Faults > 100, $"{faulty?.Faults} faults");
    }

    [Fact]
    public async Task A_reset_at_any_step_ends_its_connection_and_leaks_nothing()
    {
        if (!LoopGroup.IsSupported)
        {
            return;
        }

        var lent = Buffers.Lent;
        for (var step = 1; step <= 40; step++)
        {
            var faulty = new FaultyCalls(step, 0) { ResetAt = step, IsAlwaysShort = true };
            await using var server = new LoopServer(LoopServer.EchoAsync, faulty);

            // Number 0 does not hang up by itself; what it gets before the end must be its own.
            await TalkAsync(server, 0, 2_000);

            await server.DoneAsync(1);
            await LoopServer.Until(() => server.Loops.Loops.Sum(l => l.Open) == server.Loops.Loops.Length);
            Assert.True(faulty.Calls >= step, $"step {step} was never reached");
        }

        await LoopServer.BuffersAreBackAsync(lent);
    }

    [Fact]
    public async Task Wires_of_a_loop_carry_their_own_bytes_too()
    {
        if (!LoopGroup.IsSupported)
        {
            return;
        }

        await using var server = new LoopServer(LoopServer.EchoAsync);
        var calls = new FaultyCalls(7, 0);
        using var group = LoopGroup.Start(2, calls, NullLogger<LoopGroup>.Instance);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(n => Task.Run(() => CarryAsync(n))));
        await LoopServer.Until(() => group.Loops.Sum(l => l.Open) == 0);
        Assert.True(calls.Faults > 100);

        async Task CarryAsync(int number)
        {
            var dialer = group.Loops[number % 2].Dialer;
            using var wire = await dialer.ConnectAsync(server.Bound, TestContext.Current.CancellationToken);
            var sent = Stream(number, 20_000);
            var sending = wire.SendAsync(sent).AsTask();
            var got = new byte[sent.Length];
            for (var at = 0; at < got.Length; )
            {
                var count = await wire.ReceiveAsync(got.AsMemory(at, Math.Min(got.Length - at, 3000)));
                Assert.NotEqual(0, count);
                at += count;
            }

            await sending;
            Assert.Equal(sent, got);
        }
    }

    /// <summary>True when all of it came back; throws when anything else did.</summary>
    private static async Task<bool> TalkAsync(LoopServer server, int number, int length)
    {
        var sent = Stream(number, length);
        var hangsUp = number % 3 == 2;
        using var socket = await server.ConnectAsync();
        try
        {
            var sending = SendAsync();
            var got = new byte[64 * 1024];
            var at = 0;
            while (at < (hangsUp ? length / 2 : length))
            {
                var count = await socket.ReceiveAsync(got.AsMemory(0, 1 + ((at + number) % got.Length)));
                if (count == 0)
                {
                    return false;
                }

                if (!got.AsSpan(0, count).SequenceEqual(sent.AsSpan(at, count)))
                {
                    throw new InvalidDataException($"Connection {number} got bytes that it did not send, at {at}.");
                }

                at += count;
            }

            if (hangsUp)
            {
                socket.Close(0);
            }

            await sending;
            return at == length;
        }
        catch (SocketException)
        {
            return false;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        async Task SendAsync()
        {
            var random = new Random(number);
            for (var at = 0; at < sent.Length; )
            {
                var count = Math.Min(sent.Length - at, 1 + random.Next(random.Next(5) == 0 ? 100_000 : 2000));
                await socket.SendAsync(sent.AsMemory(at, count));
                at += count;
            }
        }
    }

    private static byte[] Stream(int number, int length)
    {
        var bytes = new byte[length];
        new Random(number + 1000).NextBytes(bytes);
        return bytes;
    }
}
