using System.Net;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// Where a backend's name leads. A name is resolved again every half minute while it is used; connections to an address it
/// no longer has are not used again. While resolving fails, the addresses known last stay good.
/// </summary>
internal sealed class BackendAddress
{
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(30);

    private readonly string _host;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly TimeProvider _time;
    private readonly bool _isLiteral;
    private IPAddress[] _addresses = [];
    private long _resolvedAt;
    private int _resolving;

    public BackendAddress(
        string host,
        int port,
        TimeProvider time,
        Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null
    )
    {
        _host = host;
        Port = port;
        _time = time;
        _resolve = resolve ?? Dns.GetHostAddressesAsync;
        if (IPAddress.TryParse(host.Trim('[', ']'), out var literal))
        {
            _addresses = [literal];
            _isLiteral = true;
        }
    }

    public int Port { get; }

    /// <summary>True while the name leads to this address.</summary>
    public bool Has(IPAddress address)
    {
        if (_isLiteral)
        {
            return true;
        }

        RefreshBehind();
        return Volatile.Read(ref _addresses).AsSpan().Contains(address);
    }

    /// <summary>The addresses, best first. Throws <see cref="System.Net.Sockets.SocketException"/> when the name was never resolved.</summary>
    public ValueTask<IPAddress[]> ResolveAsync(CancellationToken cancellation)
    {
        var known = Volatile.Read(ref _addresses);
        if (known.Length == 0)
        {
            return new(AskAsync(cancellation));
        }

        RefreshBehind();
        return new(known);
    }

    // Nobody waits for it: a slow name server slows no request to a backend that is known.
    private void RefreshBehind()
    {
        if (
            !_isLiteral
            && _time.GetElapsedTime(Volatile.Read(ref _resolvedAt)) > s_fresh
            && Interlocked.Exchange(ref _resolving, 1) == 0
        )
        {
            _ = RefreshAsync();
        }
    }

    private async Task RefreshAsync()
    {
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await AskAsync(patience.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is System.Net.Sockets.SocketException or OperationCanceledException)
        {
            // What was known stays good; it is asked again after another while.
            Volatile.Write(ref _resolvedAt, _time.GetTimestamp());
        }
        finally
        {
            Volatile.Write(ref _resolving, 0);
        }
    }

    private async Task<IPAddress[]> AskAsync(CancellationToken cancellation)
    {
        var found = await _resolve(_host, cancellation).ConfigureAwait(false);
        if (found.Length == 0)
        {
            throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.HostNotFound);
        }

        Volatile.Write(ref _addresses, found);
        Volatile.Write(ref _resolvedAt, _time.GetTimestamp());
        return found;
    }
}
