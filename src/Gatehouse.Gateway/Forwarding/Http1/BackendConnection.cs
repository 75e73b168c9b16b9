using System.Buffers;
using System.Net;
using System.Runtime.CompilerServices;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Transport;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// A connection to a backend: one request and its answer at a time. It is used again only after both went out and came in
/// whole, with nothing left over; while it waits for its next request it holds no buffer.
/// </summary>
internal sealed class BackendConnection(Wire wire, IPAddress address, Dialer dialer, ConnectionPool pool) : IDisposable
{
    private const int FirstInput = 16 * 1024;
    private const int LargestInput = 64 * 1024;
    private const int FirstPiece = 4 * 1024;
    private const int MostInterims = 16;

    private readonly AnswerHead _head = new();
    private readonly Outgoing _outgoing = new();
    private byte[] _input = [];
    private int _start;
    private int _end;

    public IPAddress Address => address;

    public Dialer Dialer => dialer;

    /// <summary>When it was given back, in the pool's ticks.</summary>
    public long IdleSince { get; set; }

    /// <summary>True when it has served a request before the present one.</summary>
    public bool WasUsed { get; private set; }

    /// <summary>True when nothing has come back for the present request.</summary>
    public bool HeardNothing { get; private set; }

    /// <summary>True when some of the caller's body was read for the present request; it cannot be read twice.</summary>
    public bool TookBody { get; private set; }

    /// <summary>True when something, or the end, has come that no request asked for.</summary>
    public bool HasInput => wire.HasInput;

    private ReadOnlySpan<byte> Arrived => _input.AsSpan(_start, _end - _start);

    public void Dispose() => wire.Dispose();

    /// <summary>Sends the request and streams the answer. Afterwards the connection is back in its pool, or closed.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<ForwardingOutcome> ConverseAsync(Exchange exchange, Target target, TrafficTimeouts timeouts)
    {
        var deadline = exchange.Deadline;
        var cut = deadline.Token.UnsafeRegister(static wire => ((Wire)wire!).Abort(), wire);
        BodySender? body = null;
        var keep = false;
        (HeardNothing, TookBody) = (true, false);
        try
        {
            body = WriteRequest(exchange, target, timeouts, out var onGoAhead);
            if (body?.Fault is { } fault)
            {
                return fault;
            }

            await wire.SendAsync(_outgoing.Written).ConfigureAwait(false);
            _outgoing.Clear();
            if (body is { WasAllTaken: false })
            {
                body.Start(onGoAhead);
            }

            var line = 0;
            var interims = 0;
            int length;
            while (true)
            {
                var end = AnswerHead.Find(Arrived, ref line, out length);
                if (end == HeadEnd.NotYet && AnswerHead.CanBegin(Arrived))
                {
                    var received = await wire.ReceiveAsync(RoomForMore()).ConfigureAwait(false);
                    if (received == 0)
                    {
                        return Failed(exchange, body, ForwardingOutcome.ConnectionClosed);
                    }

                    HeardNothing = false;
                    _end += received;
                    continue;
                }

                if (end != HeadEnd.Here || !_head.TryRead(Arrived[..length], exchange.OutgoingMethod == "HEAD"))
                {
                    return Failed(exchange, body, ForwardingOutcome.ProtocolViolation);
                }

                if (!_head.IsInterim)
                {
                    break;
                }

                // 101 answers a wish that was not sent; the others announce the answer (RFC 9110 §15.2).
                if (_head.Status == 101 || ++interims > MostInterims)
                {
                    return Failed(exchange, body, ForwardingOutcome.ProtocolViolation);
                }

                if (_head.Status == 100)
                {
                    body?.GoAhead();
                }

                _start += length;
                line = 0;
            }

            if (!TryCopyHead(exchange, length))
            {
                return Failed(exchange, body, ForwardingOutcome.ProtocolViolation);
            }

            await exchange.BeginAnswerAsync().ConfigureAwait(false);

            var outcome = TryDeliverWhole(exchange)
                ? ForwardingOutcome.Completed
                : await new AnswerBody(exchange, this, body, target.Silence, timeouts.Caller, pool.StillAdmitted)
                    .CopyAsync()
                    .ConfigureAwait(false);
            if (outcome != ForwardingOutcome.Completed)
            {
                return Failed(exchange, body, outcome);
            }

            keep = _head.KeepsAlive && _start == _end && (body is null || body.IsDone);
            return outcome;
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or ObjectDisposedException)
        {
            return Failed(exchange, body, ForwardingOutcome.ConnectionClosed);
        }
        finally
        {
            if (body is not null)
            {
                await body.StopAsync().ConfigureAwait(false);
            }

            cut.Dispose();
            _outgoing.Clear();
            Release();
            WasUsed = true;
            if (keep && !deadline.HasPassed)
            {
                pool.Return(this);
            }
            else
            {
                pool.Discard(this);
            }
        }
    }

    /// <summary>Receives past this connection's own buffer, which is empty.</summary>
    internal ValueTask<int> ReceiveAsync(Memory<byte> buffer) => wire.ReceiveAsync(buffer);

    /// <summary>Receives more into the buffer. 0 at the end, or when the buffer may grow no more.</summary>
    internal async ValueTask<int> ReceiveMoreAsync()
    {
        var room = RoomForMore();
        if (room.IsEmpty)
        {
            return 0;
        }

        var received = await wire.ReceiveAsync(room).ConfigureAwait(false);
        _end += received;
        return received;
    }

    internal ReadOnlySpan<byte> Buffered => Arrived;

    internal AnswerHead Head => _head;

    internal void Consume(int bytes) => _start += bytes;

    private BodySender? WriteRequest(Exchange exchange, Target target, TrafficTimeouts timeouts, out bool onGoAhead)
    {
        onGoAhead = false;
        _outgoing.WriteHead(exchange, target);
        if (exchange.Buffered is { } whole)
        {
            WriteLength(whole.Content.Length);
            _outgoing.Ascii("\r\n"u8);
            _outgoing.Ascii(whole.Content.Span);
            return null;
        }

        if (!exchange.HasBody)
        {
            // A method that usually has a body says that there is none (RFC 9110 §8.6).
            if (exchange.OutgoingMethod is "POST" or "PUT" or "PATCH")
            {
                WriteLength(0);
            }

            _outgoing.Ascii("\r\n"u8);
            return null;
        }

        if (exchange.Request.Headers.ContentLength is { } length)
        {
            WriteLength(length);
        }
        else
        {
            _outgoing.Ascii("Transfer-Encoding: chunked\r\n"u8);
        }

        var body = new BodySender(exchange, wire, _outgoing, timeouts.Caller, target.Silence);
        onGoAhead = Expectation.Of(exchange);
        if (onGoAhead)
        {
            _outgoing.Ascii("Expect: 100-continue\r\n\r\n"u8);
            return body;
        }

        _outgoing.Ascii("\r\n"u8);
        TookBody = true;
        body.TakeArrived();
        return body;
    }

    private void WriteLength(long length)
    {
        _outgoing.Ascii("Content-Length: "u8);
        _outgoing.Number(length);
        _outgoing.Ascii("\r\n"u8);
    }

    private bool TryCopyHead(Exchange exchange, int length)
    {
        try
        {
            ResponseHead.CopyTo(exchange, _head, Arrived[..length]);
            _start += length;
            return true;
        }
        catch (InvalidOperationException)
        {
            // The server refuses a header that we let pass: it must not reach a caller.
            return false;
        }
    }

    /// <summary>Hands on an answer that is here as a whole: it leaves with its head, at the end of the request.</summary>
    private bool TryDeliverWhole(Exchange exchange)
    {
        if (_head.Framing == AnswerFraming.None)
        {
            return true;
        }

        if (_head.Framing != AnswerFraming.Length || _head.Length > Arrived.Length)
        {
            return false;
        }

        var length = (int)_head.Length!.Value;
        exchange.AnswerBody.Append(Arrived[..length]);
        exchange.BytesOut += length;
        _start += length;
        return true;
    }

    private static ForwardingOutcome Failed(Exchange exchange, BodySender? body, ForwardingOutcome outcome)
    {
        if (body?.Fault is { } fault)
        {
            return fault;
        }

        if (outcome is ForwardingOutcome.CallerGone or ForwardingOutcome.Withdrawn)
        {
            return outcome;
        }

        if (exchange.CallerGone)
        {
            return ForwardingOutcome.CallerGone;
        }

        if (outcome == ForwardingOutcome.ConnectionClosed && exchange.Deadline.HasPassed)
        {
            outcome = exchange.Deadline.WaitsForCaller ? ForwardingOutcome.CallerSilent : ForwardingOutcome.TimedOut;
        }

        if (!exchange.Response.HasStarted && exchange.BytesOut == 0)
        {
            return outcome;
        }

        // Half an answer must never look like a whole one.
        exchange.Lifetime.Abort();
        return outcome.IsTargetsFault() ? ForwardingOutcome.AnswerCutShort : outcome;
    }

    private Memory<byte> RoomForMore()
    {
        if (_start == _end)
        {
            (_start, _end) = (0, 0);
        }

        if (_end == _input.Length)
        {
            if (_start > 0)
            {
                Arrived.CopyTo(_input);
                (_start, _end) = (0, _end - _start);
            }
            else
            {
                Grow();
            }
        }

        return _input.AsMemory(_end);
    }

    private void Grow()
    {
        if (_input.Length >= LargestInput)
        {
            return;
        }

        var larger = LoopArrays.Rent(_input.Length == 0 ? FirstInput : LargestInput);
        Arrived.CopyTo(larger);
        var arrived = _end - _start;
        Release();
        (_input, _start, _end) = (larger, 0, arrived);
    }

    private void Release()
    {
        if (_input.Length > 0)
        {
            LoopArrays.Return(_input);
        }

        (_input, _start, _end) = ([], 0, 0);
    }
}
