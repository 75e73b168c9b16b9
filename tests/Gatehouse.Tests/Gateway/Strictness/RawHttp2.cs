using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>Sends one HTTP/2 request with the field lines as given, well-formed or not, and says how it was answered.</summary>
internal static class RawHttp2
{
    private static readonly byte[] Preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    /// <summary>"response", "reset" or "closed".</summary>
    public static async Task<string> SendAsync(IPEndPoint server, params (string Name, string Value)[] fields)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, deadline.Token);

        var block = new MemoryStream();
        foreach (var (name, value) in fields)
        {
            // Literal without indexing, new name, no Huffman (RFC 7541 §6.2.2).
            block.WriteByte(0);
            Write(block, name);
            Write(block, value);
        }

        await socket.SendAsync(
            (byte[])[.. Preface, .. Frame(4, 0, 0, []), .. Frame(1, 5, 1, block.ToArray())],
            deadline.Token
        );
        await using var stream = new NetworkStream(socket);
        var head = new byte[9];
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(head, deadline.Token);
                var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
                await stream.ReadExactlyAsync(payload, deadline.Token);
                switch (head[3])
                {
                    case 1:
                        return "response";
                    case 3:
                        return "reset";
                    case 7:
                        return "closed";
                }
            }
        }
        catch (IOException)
        {
            return "closed";
        }
    }

    private static void Write(MemoryStream block, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        Assert.True(bytes.Length < 127);
        block.WriteByte((byte)bytes.Length);
        block.Write(bytes);
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
