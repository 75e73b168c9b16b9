using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>A socket that sends bytes as they are and reads responses until the server ends the connection.</summary>
internal sealed partial class RawClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
    {
        NoDelay = true,
    };
    private readonly CancellationTokenSource _deadline = new(Patience);

    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    public static async Task<RawClient> ConnectAsync(IPEndPoint server)
    {
        var client = new RawClient();
        await client._socket.ConnectAsync(server, client._deadline.Token);
        return client;
    }

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    public async Task SendAsync(string text, int pieceLength = int.MaxValue)
    {
        ReadOnlyMemory<byte> rest = Bytes(text);
        try
        {
            while (!rest.IsEmpty)
            {
                var piece = rest[..Math.Min(pieceLength, rest.Length)];
                await _socket.SendAsync(piece, _deadline.Token);
                rest = rest[piece.Length..];
            }
        }
        catch (SocketException)
        {
            // The server may end the connection before it has got everything.
        }
    }

    public void FinishSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Everything until the server closes, or until <paramref name="enough"/> says so.</summary>
    public async Task<string> ReadAsync(Func<string, bool>? enough = null)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        if (enough?.Invoke("") == true)
        {
            return "";
        }

        try
        {
            while (await _socket.ReceiveAsync(buffer, _deadline.Token) is var count and > 0)
            {
                text.Append(Encoding.Latin1.GetString(buffer, 0, count));
                if (enough?.Invoke(text.ToString()) == true)
                {
                    break;
                }
            }
        }
        catch (SocketException) { }

        return text.ToString();
    }

    /// <summary>The status codes of the responses in a text.</summary>
    public static int[] Statuses(string text) =>
        [.. StatusLine().Matches(text).Select(m => int.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"HTTP/1\.1 ([0-9]{3}) ")]
    private static partial Regex StatusLine();

    public void Dispose()
    {
        _socket.Dispose();
        _deadline.Dispose();
    }
}
