using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Gatehouse.Nodes;

/// <summary>
/// Tells systemd how the node is (sd_notify(3)): ready, alive, stopping. Without <c>NOTIFY_SOCKET</c> it does nothing, and a
/// notice that cannot be sent is no reason to fail.
/// </summary>
internal sealed class ServiceNotice(Func<string, string?> environment, TimeProvider time)
{
    /// <summary>Every port listens.</summary>
    public void Ready(string status) => Send($"READY=1\nSTATUS={status}\nMAINPID={Environment.ProcessId}");

    /// <summary>Takes no new requests and finishes those it has.</summary>
    public void Stopping() => Send("STOPPING=1\nSTATUS=finishes the requests it has");

    /// <summary>Says at half of <c>WATCHDOG_USEC</c> that the process is alive; a process that hangs is killed and started again.</summary>
    public async Task WatchAsync(Func<string> status, CancellationToken stopping)
    {
        if (
            !long.TryParse(
                environment("WATCHDOG_USEC"),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var microseconds
            )
            || microseconds <= 0
        )
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        using var timer = new PeriodicTimer(TimeSpan.FromMicroseconds(Math.Max(microseconds / 2, 100_000)), time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                Send($"WATCHDOG=1\nSTATUS={status()}");
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    private void Send(string text)
    {
        if (environment("NOTIFY_SOCKET") is not { Length: > 0 } path)
        {
            return;
        }

        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // '@' stands for the zero byte of an abstract name.
            socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
            socket.Send(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n")));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // Whoever started us has gone, or never listened.
        }
    }
}
