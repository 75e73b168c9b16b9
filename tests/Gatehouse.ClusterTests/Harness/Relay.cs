using System.Net;
using System.Net.Sockets;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>Stands between: whoever connects to one port of this machine is passed on to another.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    private Relay(int from, int to)
    {
        _listener = new(IPAddress.Loopback, from);
        _listener.Start();
        _accepting = AcceptAsync(to);
    }

    public static Task<Relay> StartAsync(int from, int to) => Task.FromResult(new Relay(from, to));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync(int to)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = PassAsync(await _listener.AcceptTcpClientAsync(_stop.Token), to);
            }
            catch (SocketException)
            {
                // Whoever hung up before it was taken.
            }
        }
    }

    private async Task PassAsync(TcpClient caller, int to)
    {
        using var one = caller;
        using var other = new TcpClient();
        try
        {
            await other.ConnectAsync(IPAddress.Loopback, to, _stop.Token);
            await Task.WhenAny(
                one.GetStream().CopyToAsync(other.GetStream(), _stop.Token),
                other.GetStream().CopyToAsync(one.GetStream(), _stop.Token)
            );
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // Whoever hangs up ends both.
        }
    }
}
