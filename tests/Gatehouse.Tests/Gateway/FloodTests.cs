using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Gateway.Floods;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway;

/// <summary>Floods of HTTP/2 frames, each as its reports describe it, on a worker's port.</summary>
public sealed class FloodTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static readonly byte[] s_request = Fields(
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/petstore/1.0.0/pets"),
        (":authority", "localhost")
    );

    /// <summary>Each flood: the bytes of its n-th step, and how many frames a step has.</summary>
    private static readonly Dictionary<string, (Func<int, byte[]> Step, int Frames)> s_floods = new()
    {
        ["rapid reset"] = (n => [.. Request(n), .. Frame(3, 0, Stream(n), [0, 0, 0, 8])], 2),
        ["resets provoked by an empty window update"] = (
            n => [.. Request(n), .. Frame(8, 0, Stream(n), [0, 0, 0, 0])],
            2
        ),
        ["settings"] = (_ => Frame(4, 0, 0, [0, 3, 0, 0, 0, 100]), 1),
        ["ping"] = (n => Frame(6, 0, 0, BitConverter.GetBytes((long)n)), 1),
        ["priority"] = (n => Frame(2, 0, Stream(n), [0, 0, 0, 0, 16]), 1),
        ["unknown types"] = (_ => Frame(0xbe, 0, 0, [1, 2, 3]), 1),
        ["empty data"] = (n => n == 0 ? Post() : Frame(0, 0, 1, []), 1),
        ["continuation without end"] = (n => n == 0 ? Frame(1, 0, 1, s_request) : Frame(9, 0, 1, []), 1),
        ["windows opened by crumbs"] = (n => n == 0 ? Post() : Frame(8, 0, 0, [0, 0, 0, 1]), 1),
    };

    public static TheoryData<string> Floods => [.. s_floods.Keys];

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task A_flood_is_cut_within_a_thousand_frames(string name)
    {
        await using var backend = new Backend();
        // While no time passes, none of what was spent comes back: a machine that stands still is not taken for a client that waits.
        await using var gateway = await GatewayAsync(backend, new FakeTimeProvider());
        var (step, frames) = s_floods[name];
        using var deadline = new CancellationTokenSource(s_patience);
        using var socket = await ConnectAsync(gateway, deadline.Token);
        await using var stream = new NetworkStream(socket);
        var reading = ReadToEndAsync(stream, deadline.Token);
        var sent = 0;
        try
        {
            for (var n = 0; sent + frames <= 1000; n++, sent += frames)
            {
                await stream.WriteAsync(step(n), deadline.Token);
            }
        }
        catch (IOException)
        {
            // Cut while it was sent.
        }

        // The client does not close: the end comes from the gateway or not at all.
        await reading;
    }

    [Fact]
    public async Task A_header_block_that_unpacks_to_megabytes_is_refused()
    {
        await using var backend = new Backend();
        await using var gateway = await GatewayAsync(backend);
        using var deadline = new CancellationTokenSource(s_patience);
        using var socket = await ConnectAsync(gateway, deadline.Token);
        await using var stream = new NetworkStream(socket);

        // One field of 4 000 bytes goes into the table (RFC 7541 §6.2.1), and each byte 0xbe names it again (§6.1).
        var value = new string('x', 3900);
        byte[] bomb =
        [
            .. s_request,
            0x40,
            1,
            (byte)'b',
            0x7f,
            .. HpackInteger(value.Length, 127),
            .. Encoding.ASCII.GetBytes(value),
            .. Enumerable.Repeat((byte)0xbe, 8000),
        ];
        await stream.WriteAsync(Frame(1, 5, 1, bomb), deadline.Token);

        var types = await ReadToEndAsync(stream, deadline.Token, untilFirst: [3, 7]);
        Assert.Empty(backend.Requests);
        Assert.True(types.Contains(3) || types.Contains(7) || types.Contains(-1), string.Join(' ', types));
    }

    [Fact]
    public async Task A_client_that_cancels_half_of_its_requests_lives()
    {
        await using var backend = new Backend();
        await using var gateway = await GatewayAsync(backend);
        using var deadline = new CancellationTokenSource(s_patience);
        using var socket = await ConnectAsync(gateway, deadline.Token);
        await using var stream = new NetworkStream(socket);
        for (var n = 0; n < 3000; n += 2)
        {
            await stream.WriteAsync(Request(n), deadline.Token);
            await AnswerAsync(stream, Stream(n), deadline.Token);
            await stream.WriteAsync(
                (byte[])[.. Request(n + 1), .. Frame(3, 0, Stream(n + 1), [0, 0, 0, 8])],
                deadline.Token
            );
        }

        await stream.WriteAsync(Request(3000), deadline.Token);
        await AnswerAsync(stream, Stream(3000), deadline.Token);
    }

    [Fact]
    public void Time_and_work_give_back_what_was_spent()
    {
        var time = new FakeTimeProvider();
        var budget = new FloodBudget(time);
        for (var n = 0; n < 10; n++)
        {
            budget.Spend(FloodBudget.Burst / 2);
            time.Advance(TimeSpan.FromSeconds((double)FloodBudget.Burst / 2 / FloodBudget.PerSecond));
        }

        Assert.False(budget.IsSpent);
        for (var n = 0; n < 10 * FloodBudget.Burst; n++)
        {
            budget.Spend(2);
            budget.EarnAnswer();
            budget.EarnBytes(2 * 1024);
        }

        Assert.False(budget.IsSpent);
        budget.Spend(FloodBudget.Burst);
        budget.Spend(1);
        Assert.True(budget.IsSpent);
    }

    [Fact]
    public void Frames_are_told_apart_whatever_pieces_they_come_in()
    {
        byte[] bytes =
        [
            .. new byte[FrameReader.PrefaceLength],
            .. Frame(4, 0, 0, new byte[6]),
            .. Frame(1, 5, 3, new byte[70_000]),
            .. Frame(0, 1, 3, new byte[300]),
            .. Frame(0xbe, 1, 3, []),
            .. Frame(3, 0, 3, new byte[4]),
        ];
        for (var size = 1; size < 400; size++)
        {
            var reader = new FrameReader(FrameReader.PrefaceLength);
            var found = new List<Frame>();
            foreach (var piece in bytes.Chunk(size))
            {
                ReadOnlySpan<byte> left = piece;
                while (reader.TryRead(ref left, out var frame))
                {
                    found.Add(frame);
                }
            }

            Assert.Equal(
                [
                    new((FrameType)4, 0, 6),
                    new(FrameType.Headers, 5, 70_000),
                    new(FrameType.Data, 1, 300),
                    new((FrameType)0xbe, 1, 0),
                    new(FrameType.ResetStream, 0, 4),
                ],
                found
            );
        }
    }

    private static async Task<TestGateway> GatewayAsync(Backend backend, TimeProvider? time = null)
    {
        var gateway = await TestGateway.StartAsync(time: time);
        gateway.Run(Entities.Petstore(backend.Url).Put());
        return gateway;
    }

    private static async Task<Socket> ConnectAsync(TestGateway gateway, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, gateway.Port, cancellation);
        await socket.SendAsync(
            (byte[])[.. Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), .. Frame(4, 0, 0, [])],
            cancellation
        );
        return socket;
    }

    /// <summary>The types of frames until the gateway closes; -1 when it resets.</summary>
    private static async Task<List<int>> ReadToEndAsync(
        NetworkStream stream,
        CancellationToken cancellation,
        int[]? untilFirst = null
    )
    {
        var types = new List<int>();
        var head = new byte[9];
        try
        {
            while (await stream.ReadAtLeastAsync(head, head.Length, false, cancellation) == head.Length)
            {
                await stream.ReadExactlyAsync(new byte[(head[0] << 16) | (head[1] << 8) | head[2]], cancellation);
                types.Add(head[3]);
                if (untilFirst?.Contains(head[3]) == true)
                {
                    return types;
                }
            }
        }
        catch (IOException)
        {
            types.Add(-1);
        }

        return types;
    }

    private static async Task AnswerAsync(NetworkStream stream, int id, CancellationToken cancellation)
    {
        var head = new byte[9];
        while (true)
        {
            await stream.ReadExactlyAsync(head, cancellation);
            await stream.ReadExactlyAsync(new byte[(head[0] << 16) | (head[1] << 8) | head[2]], cancellation);
            if (head[3] is 0 or 1 && (head[4] & 1) != 0 && BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)) == id)
            {
                return;
            }
        }
    }

    private static int Stream(int n) => (2 * n) + 1;

    private static byte[] Request(int n) => Frame(1, 5, Stream(n), s_request);

    private static byte[] Post() =>
        Frame(
            1,
            4,
            1,
            Fields(
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/petstore/1.0.0/pets"),
                (":authority", "localhost")
            )
        );

    private static byte[] Fields(params (string Name, string Value)[] fields)
    {
        var block = new MemoryStream();
        foreach (var (name, value) in fields)
        {
            block.WriteByte(0);
            foreach (var text in (string[])[name, value])
            {
                block.WriteByte((byte)text.Length);
                block.Write(Encoding.ASCII.GetBytes(text));
            }
        }

        return block.ToArray();
    }

    private static byte[] HpackInteger(int value, int prefix)
    {
        var bytes = new List<byte>();
        for (value -= prefix; value >= 128; value >>= 7)
        {
            bytes.Add((byte)((value & 127) | 128));
        }

        return [.. bytes, (byte)value];
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }
}
