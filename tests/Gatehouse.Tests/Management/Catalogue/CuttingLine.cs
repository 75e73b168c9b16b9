using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Tests.Management;

/// <summary>A line to a PostgreSQL server that, when told to, keeps the answer to a COMMIT to itself and breaks.</summary>
internal sealed class CuttingLine : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _lines = [];
    private readonly Task _accepting;
    private readonly int _server;
    private int _armed;

    public CuttingLine(int server)
    {
        _server = server;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public bool HasCut { get; private set; }

    public void CutAtNextCommit() => Volatile.Write(ref _armed, 1);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_lines).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            _lines.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
    }

    private async Task CarryAsync(TcpClient caller)
    {
        using var _ = caller;
        using var server = new TcpClient();
        await server.ConnectAsync(IPAddress.Loopback, _server, _stop.Token);
        var (here, there) = (caller.GetStream(), server.GetStream());
        var cut = false;
        var up = Task.Run(async () =>
        {
            var buffer = new byte[65536];
            while (await here.ReadAsync(buffer, _stop.Token) is > 0 and var read)
            {
                cut |= buffer.AsSpan(0, read).IndexOf("COMMIT\0"u8) >= 0 && Interlocked.Exchange(ref _armed, 0) == 1;
                await there.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            }
        });
        var answer = new byte[65536];
        while (await there.ReadAsync(answer, _stop.Token) is > 0 and var read)
        {
            if (cut)
            {
                HasCut = true;
                break;
            }

            await here.WriteAsync(answer.AsMemory(0, read), _stop.Token);
        }

        caller.Close();
        server.Close();
        await up.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
