using System.Net;
using System.Net.Sockets;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Transport;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// The connections to one backend address. The one used last is used next, so that what a quiet hour does not need becomes
/// idle and is closed. There are never more than a bound; who finds none free waits in line, at most as long as connecting
/// may take. A connection stays with the dialer that made it, so that a request and its connection run on one loop; the
/// bound is for all dialers together.
/// </summary>
internal sealed class ConnectionPool(BackendAddress address, UpstreamSettings settings, TimeProvider time)
{
    private static readonly TimeSpan s_longestIdle = TimeSpan.FromSeconds(55);

    private readonly Lock _lock = new();

    // One shelf per dialer: there are as many as loops, so looking through them is quicker than a dictionary.
    private Shelf[] _shelves = [];
    private readonly Queue<Waiter> _waiting = [];
    private int _open;
    private ITimer? _sweep;

    /// <summary>Asked while an answer streams.</summary>
    public Func<Exchange, bool> StillAdmitted => settings.StillAdmitted;

    /// <summary>Connections there are, idle and busy.</summary>
    public int Open
    {
        get
        {
            lock (_lock)
            {
                return _open;
            }
        }
    }

    /// <summary>A connection that served before and looks alive; null when there is none.</summary>
    public BackendConnection? TryTake()
    {
        var dialer = Dialer.Current;
        while (true)
        {
            BackendConnection? connection;
            lock (_lock)
            {
                connection = ShelfOf(dialer)?.Pop();
            }

            // Backends close idle connections, and some first say why (408): neither is an answer to what comes next.
            if (connection is null || (!connection.HasInput && address.Has(connection.Address)))
            {
                return connection;
            }

            Discard(connection);
        }
    }

    /// <summary>Connects, or waits for a place when there are as many connections as there may be.</summary>
    public async ValueTask<Lease> ConnectAsync(CancellationToken attempt)
    {
        var dialer = Dialer.Current;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(attempt);
        patience.CancelAfter(settings.ConnectTimeout);
        Waiter? waiter = null;
        BackendConnection? given = null;
        lock (_lock)
        {
            if (_open < settings.ConnectionsPerTarget)
            {
                _open++;
            }
            else if ((given = ShelfOf(dialer)?.Pop() ?? AnyIdle()) is null)
            {
                if (_waiting.Count >= settings.ConnectionsPerTarget)
                {
                    // The line is as long as the house is large: who comes now would not get in in time either.
                    return new(null, ForwardingOutcome.ConnectTimedOut);
                }

                _waiting.Enqueue(waiter = new());
            }
        }

        if (waiter is not null)
        {
            try
            {
                given = await waiter.Task.WaitAsync(patience.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                GiveUp(waiter);
                return new(null, ForwardingOutcome.ConnectTimedOut);
            }
        }

        if (given?.Dialer == dialer)
        {
            return new(given, default);
        }

        // One of another loop: its place is what is wanted.
        given?.Dispose();
        return await DialAsync(dialer, patience).ConfigureAwait(false);
    }

    /// <summary>Takes back a connection that can serve again.</summary>
    public void Return(BackendConnection connection)
    {
        lock (_lock)
        {
            while (_waiting.TryDequeue(out var waiter))
            {
                if (waiter.TrySetResult(connection))
                {
                    return;
                }
            }

            connection.IdleSince = time.GetTimestamp();
            (ShelfOf(connection.Dialer) ?? AddShelf(connection.Dialer)).Idle.Add(connection);
            _sweep ??= SweepIn(s_longestIdle);
        }
    }

    /// <summary>Closes a connection; its place goes to who waits longest.</summary>
    public void Discard(BackendConnection connection)
    {
        connection.Dispose();
        GivePlace();
    }

    private void GivePlace()
    {
        lock (_lock)
        {
            while (_waiting.TryDequeue(out var waiter))
            {
                if (waiter.TrySetResult(null))
                {
                    return;
                }
            }

            _open--;
        }
    }

    // A place or a connection may have been handed over at the very moment: it goes on to the next.
    private void GiveUp(Waiter waiter)
    {
        if (waiter.TrySetCanceled())
        {
            return;
        }

        if (waiter.Task.Result is { } connection)
        {
            Return(connection);
        }
        else
        {
            GivePlace();
        }
    }

    private async ValueTask<Lease> DialAsync(Dialer dialer, CancellationTokenSource patience)
    {
        var since = time.GetTimestamp();
        var connected = false;
        try
        {
            var addresses = await address.ResolveAsync(patience.Token).ConfigureAwait(false);
            for (var i = 0; i < addresses.Length; i++)
            {
                var left = settings.ConnectTimeout - time.GetElapsedTime(since);
                var share = left / (addresses.Length - i);
                if (await DialAsync(dialer, addresses[i], share, patience.Token).ConfigureAwait(false) is { } wire)
                {
                    connected = true;
                    return new(new(wire, addresses[i], dialer, this), default);
                }
            }

            return new(
                null,
                patience.IsCancellationRequested ? ForwardingOutcome.ConnectTimedOut : ForwardingOutcome.ConnectFailed
            );
        }
        catch (OperationCanceledException)
        {
            return new(null, ForwardingOutcome.ConnectTimedOut);
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            return new(null, ForwardingOutcome.ConnectFailed);
        }
        finally
        {
            if (!connected)
            {
                GivePlace();
            }
        }
    }

    /// <summary>Tries one address, for its share of the time. Null when it does not answer.</summary>
    private async ValueTask<Wire?> DialAsync(Dialer dialer, IPAddress one, TimeSpan share, CancellationToken patience)
    {
        using var patienceWithOne = CancellationTokenSource.CreateLinkedTokenSource(patience);
        patienceWithOne.CancelAfter(share > TimeSpan.Zero ? share : TimeSpan.Zero);
        try
        {
            return await dialer
                .ConnectAsync(new IPEndPoint(one, address.Port), patienceWithOne.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!patience.IsCancellationRequested)
        {
            return null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private Shelf? ShelfOf(Dialer dialer)
    {
        foreach (var shelf in _shelves)
        {
            if (shelf.Dialer == dialer)
            {
                return shelf;
            }
        }

        return null;
    }

    private Shelf AddShelf(Dialer dialer)
    {
        var shelf = new Shelf(dialer);
        _shelves = [.. _shelves, shelf];
        return shelf;
    }

    private BackendConnection? AnyIdle()
    {
        foreach (var shelf in _shelves)
        {
            if (shelf.Pop() is { } idle)
            {
                return idle;
            }
        }

        return null;
    }

    private ITimer SweepIn(TimeSpan wait) =>
        time.CreateTimer(static pool => ((ConnectionPool)pool!).Sweep(), this, wait, Timeout.InfiniteTimeSpan);

    private void Sweep()
    {
        var old = new List<BackendConnection>();
        lock (_lock)
        {
            _sweep?.Dispose();
            _sweep = null;
            TimeSpan? next = null;
            foreach (var shelf in _shelves)
            {
                // Connections are taken from the end, so the longest idle stands first.
                var count = shelf.Idle.TakeWhile(c => time.GetElapsedTime(c.IdleSince) >= s_longestIdle).Count();
                old.AddRange(shelf.Idle.GetRange(0, count));
                shelf.Idle.RemoveRange(0, count);
                if (shelf.Idle.Count > 0)
                {
                    var left = s_longestIdle - time.GetElapsedTime(shelf.Idle[0].IdleSince);
                    next = next is null || left < next ? left : next;
                }
            }

            if (next is { } wait)
            {
                _sweep = SweepIn(wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
            }
        }

        foreach (var connection in old)
        {
            Discard(connection);
        }
    }

    private sealed class Shelf(Dialer dialer)
    {
        public Dialer Dialer => dialer;

        public List<BackendConnection> Idle { get; } = [];

        public BackendConnection? Pop()
        {
            if (Idle.Count == 0)
            {
                return null;
            }

            var last = Idle[^1];
            Idle.RemoveAt(Idle.Count - 1);
            return last;
        }
    }

    private sealed class Waiter()
        : TaskCompletionSource<BackendConnection?>(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A connection, or why there is none.</summary>
    internal readonly record struct Lease(BackendConnection? Connection, ForwardingOutcome Failure);
}
