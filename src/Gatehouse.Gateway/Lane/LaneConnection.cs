using System.Buffers;
using System.Collections;
using System.IO.Pipelines;
using System.Net;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Lane;

/// <summary>
/// A connection in the lane: request after request, until one comes that the lane does not serve. It is what a request's
/// features are asked of, and the same for all of them.
/// </summary>
internal sealed class LaneConnection
    : IFeatureCollection,
        IHttpRequestFeature,
        IHttpRequestLifetimeFeature,
        IHttpRequestBodyDetectionFeature,
        IHttpConnectionFeature
{
    private readonly ConnectionContext _connection;
    private readonly LaneService _service;
    private readonly LaneHead _head;
    private readonly LaneAnswer _answer;
    private readonly HeaderList _headers = new(checks: false);
    private readonly bool _isSecure;
    private Exchange? _exchange;
    private string? _pathOf;
    private string _path = "";
    private long _waits;
    private volatile bool _aborted;
    private volatile bool _stopping;

    public LaneConnection(ConnectionContext connection, LaneService service, LaneHead head)
    {
        _connection = connection;
        _service = service;
        _head = head;
        _answer = new(this);
        _isSecure = connection.Features.Get<ITlsConnectionFeature>() is not null;
    }

    public bool IsHead => _head.Method == "HEAD";

    /// <summary>True when its end was not a whole answer's.</summary>
    public bool IsAborted => _aborted;

    /// <summary>True when the listener goes: the present request is the last.</summary>
    public bool IsStopping => _stopping;

    /// <summary>Counts waits for a request; negative while there is none. No clock is read for an idle connection but by who looks for them.</summary>
    public long Waits => Volatile.Read(ref _waits);

    /// <summary>Who looks for idle connections notes here which wait it saw first when.</summary>
    public (long Wait, long Since) SeenWaiting { get; set; }

    /// <summary>Serves what it can. True when the rest, from the first byte that is not consumed, is for the server behind.</summary>
    public async Task<bool> ServeAsync()
    {
        var input = _connection.Transport.Input;
        try
        {
            while (true)
            {
                Volatile.Write(ref _waits, 1 - _waits);
                var read = await input.ReadAsync().ConfigureAwait(false);
                Volatile.Write(ref _waits, -_waits);
                if (read.Buffer.IsEmpty && (read.IsCompleted || read.IsCanceled))
                {
                    input.AdvanceTo(read.Buffer.End);
                    return false;
                }

                // A head that is not there as a whole is the server's behind, too, which knows how long to wait for its rest. It
                // sees what has come at once: none of it is marked as examined.
                if (!TryRead(read.Buffer, out var end))
                {
                    input.AdvanceTo(read.Buffer.Start);
                    return true;
                }

                input.AdvanceTo(end);
                _answer.Begin(_connection.Transport.Output);
                await _service.Run(_exchange ??= Begin(), this).ConfigureAwait(false);
                if (!await _answer.EndAsync().ConfigureAwait(false) || _stopping)
                {
                    return false;
                }
            }
        }
        catch (Exception lost) when (lost is IOException or OperationCanceledException or ConnectionAbortedException)
        {
            return false;
        }
    }

    /// <summary>The listener goes: an idle connection ends now, another after its request.</summary>
    public void Stop()
    {
        _stopping = true;
        _connection.Transport.Input.CancelPendingRead();
    }

    /// <summary>Cuts it.</summary>
    public void Abort()
    {
        _aborted = true;
        _connection.Abort(new ConnectionAbortedException("The request was cut."));
    }

    private Exchange Begin()
    {
        // The guard behind must know that what it sees first is not the connection's beginning.
        _connection.Features.Set(this);
        return _service.Create();
    }

    private bool TryRead(in ReadOnlySequence<byte> buffer, out SequencePosition end)
    {
        int length;
        bool taken;
        if (buffer.IsSingleSegment)
        {
            taken = _head.TryRead(buffer.FirstSpan, _headers, out length);
        }
        else
        {
            // No head is longer than what the guard lets pass.
            var most = (int)Math.Min(buffer.Length, _service.LongestHead);
            var piece = ArrayPool<byte>.Shared.Rent(most);
            buffer.Slice(0, most).CopyTo(piece);
            taken = _head.TryRead(piece.AsSpan(0, most), _headers, out length);
            ArrayPool<byte>.Shared.Return(piece);
        }

        end = taken ? buffer.GetPosition(length) : default;
        return taken;
    }

    string IHttpRequestFeature.Protocol
    {
        get => "HTTP/1.1";
        set => throw Fixed();
    }

    string IHttpRequestFeature.Scheme
    {
        get => _isSecure ? "https" : "http";
        set => throw Fixed();
    }

    string IHttpRequestFeature.Method
    {
        get => _head.Method;
        set => throw Fixed();
    }

    string IHttpRequestFeature.PathBase
    {
        get => "";
        set => throw Fixed();
    }

    string IHttpRequestFeature.Path
    {
        get
        {
            if (!ReferenceEquals(_pathOf, _head.Target))
            {
                _pathOf = _head.Target;
                _path = PathString.FromUriComponent(_pathOf.Split('?', 2)[0]).Value ?? "";
            }

            return _path;
        }
        set => throw Fixed();
    }

    string IHttpRequestFeature.QueryString
    {
        get => _head.Target.IndexOf('?') is >= 0 and var mark ? _head.Target[mark..] : "";
        set => throw Fixed();
    }

    string IHttpRequestFeature.RawTarget
    {
        get => _head.Target;
        set => throw Fixed();
    }

    IHeaderDictionary IHttpRequestFeature.Headers
    {
        get => _headers;
        set => throw Fixed();
    }

    Stream IHttpRequestFeature.Body
    {
        get => Stream.Null;
        set => throw Fixed();
    }

    bool IHttpRequestBodyDetectionFeature.CanHaveBody => false;

    CancellationToken IHttpRequestLifetimeFeature.RequestAborted
    {
        get => _connection.ConnectionClosed;
        set => throw Fixed();
    }

    string IHttpConnectionFeature.ConnectionId
    {
        get => _connection.ConnectionId;
        set => throw Fixed();
    }

    IPAddress? IHttpConnectionFeature.RemoteIpAddress
    {
        get => (_connection.RemoteEndPoint as IPEndPoint)?.Address;
        set => throw Fixed();
    }

    IPAddress? IHttpConnectionFeature.LocalIpAddress
    {
        get => (_connection.LocalEndPoint as IPEndPoint)?.Address;
        set => throw Fixed();
    }

    int IHttpConnectionFeature.RemotePort
    {
        get => (_connection.RemoteEndPoint as IPEndPoint)?.Port ?? 0;
        set => throw Fixed();
    }

    int IHttpConnectionFeature.LocalPort
    {
        get => (_connection.LocalEndPoint as IPEndPoint)?.Port ?? 0;
        set => throw Fixed();
    }

    // What one request added would be the next one's too.
    bool IFeatureCollection.IsReadOnly => true;

    int IFeatureCollection.Revision => 0;

    object? IFeatureCollection.this[Type key]
    {
        get =>
            key == typeof(IHttpResponseFeature) || key == typeof(IHttpResponseBodyFeature) ? _answer
            : key == typeof(IHttpRequestFeature)
            || key == typeof(IHttpRequestLifetimeFeature)
            || key == typeof(IHttpRequestBodyDetectionFeature)
            || key == typeof(IHttpConnectionFeature)
                ? this
            : _connection.Features[key];
        set => throw Fixed();
    }

    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default => (TFeature?)((IFeatureCollection)this)[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default => throw Fixed();

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() => _connection.Features.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static NotSupportedException Fixed() => new("What came in stays as it came.");
}
