using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Transport;

/// <summary>A caller's connection as Kestrel wants it.</summary>
internal sealed class LoopConnection
    : ConnectionContext,
        IConnectionIdFeature,
        IConnectionTransportFeature,
        IConnectionItemsFeature,
        IConnectionLifetimeFeature,
        IConnectionEndPointFeature,
        IMemoryPoolFeature
{
    private static long s_lastId;

    private readonly LoopTransport _transport;
    private readonly CancellationTokenSource _closed = new();
    private IDictionary<object, object?>? _items;
    private string? _id;

    public LoopConnection(Loop loop, int fd, IPEndPoint? remote)
    {
        _transport = new(loop, fd, TellClosed);
        Transport = _transport;
        RemoteEndPoint = remote;
        LocalEndPoint = SocketCalls.LocalOf(fd);
        ConnectionClosed = _closed.Token;
        var features = new FeatureCollection(8);
        features.Set<IConnectionIdFeature>(this);
        features.Set<IConnectionTransportFeature>(this);
        features.Set<IConnectionItemsFeature>(this);
        features.Set<IConnectionLifetimeFeature>(this);
        features.Set<IConnectionEndPointFeature>(this);
        features.Set<IMemoryPoolFeature>(this);
        Features = features;
    }

    /// <summary>Its loop for life.</summary>
    public Loop Loop => _transport.Loop;

    public override IFeatureCollection Features { get; }

    public override IDuplexPipe Transport { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public override EndPoint? LocalEndPoint { get; set; }

    public override CancellationToken ConnectionClosed { get; set; }

    public MemoryPool<byte> MemoryPool => MemoryPool<byte>.Shared;

    public override string ConnectionId
    {
        get => _id ??= Interlocked.Increment(ref s_lastId).ToString("x", CultureInfo.InvariantCulture);
        set => _id = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new Dictionary<object, object?>();
        set => _items = value;
    }

    /// <summary>Begins to watch the socket. Only on its loop.</summary>
    public void Watch() => _transport.Watch();

    public override void Abort(ConnectionAbortedException abortReason) => _transport.Abort(abortReason);

    /// <summary>Sends what was written, then closes.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _transport.Input.CompleteAsync().ConfigureAwait(false);
        await _transport.Output.CompleteAsync().ConfigureAwait(false);
        await _transport.FinishAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    // On the pool: what hangs on this token is the code of others.
    private void TellClosed() =>
        ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), _closed, preferLocal: false);
}
