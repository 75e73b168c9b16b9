using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Gateway.Transport;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// Bytes of a request on their way out, in a pooled array that is held only until they are sent. Text goes in as Latin-1;
/// what could end a line early, or has no byte, is refused: callers cannot send it, so a policy would have put it there.
/// </summary>
internal sealed class Outgoing : IHeaderSink
{
    private const int FirstSize = 4 * 1024;

    private static readonly SearchValues<char> s_token = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    );

    private byte[] _bytes = [];
    private int _length;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    public int Length => _length;

    /// <summary>The request line and the headers, without those of the body and without the empty line.</summary>
    public void WriteHead(Exchange exchange, Target target)
    {
        if (exchange.OutgoingMethod.AsSpan().ContainsAnyExcept(s_token))
        {
            throw new InvalidOperationException(
                $"'{exchange.OutgoingMethod}' is not a method; a policy must not set it."
            );
        }

        Text(exchange.OutgoingMethod);
        Ascii(" "u8);
        var (prefix, slash, resource) = RequestHead.TargetOf(exchange, target);
        Text(prefix);
        Text(slash);
        Text(resource);
        Ascii(" HTTP/1.1\r\n"u8);
        var self = this;
        RequestHead.Write(ref self, exchange, target);
    }

    public void Add(string name, StringValues values)
    {
        // Who waits for a go-ahead is decided with the body.
        if (name.Equals("Expect", StringComparison.OrdinalIgnoreCase) && Expectation.Is(values))
        {
            return;
        }

        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(s_token))
        {
            throw new InvalidOperationException($"'{name}' is not the name of a header; a policy must not set it.");
        }

        foreach (var value in values)
        {
            Line(name, value);
        }
    }

    public void Ascii(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Room(text.Length));
        _length += text.Length;
    }

    public void Append(in ReadOnlySequence<byte> data)
    {
        data.CopyTo(Room((int)data.Length));
        _length += (int)data.Length;
    }

    public void Number(long number)
    {
        Utf8Formatter.TryFormat(number, Room(20), out var written);
        _length += written;
    }

    public void Hex(int number)
    {
        Utf8Formatter.TryFormat(number, Room(8), out var written, 'x');
        _length += written;
    }

    /// <summary>Gives the array back.</summary>
    public void Clear()
    {
        if (_bytes.Length > 0)
        {
            LoopArrays.Return(_bytes);
            _bytes = [];
        }

        _length = 0;
    }

    /// <param name="name">A token.</param>
    /// <param name="value">Whatever somebody made of it.</param>
    private void Line(string name, ReadOnlySpan<char> value)
    {
        var room = Room(name.Length + value.Length + 4);
        System.Text.Ascii.FromUtf16(name, room, out _);
        room = room[name.Length..];
        (room[0], room[1]) = ((byte)':', (byte)' ');
        if (Narrow(value, room[2..]) is { } unfit)
        {
            throw new InvalidOperationException($"The value of {name} does not fit a header: {unfit}");
        }

        room = room[(value.Length + 2)..];
        (room[0], room[1]) = ((byte)'\r', (byte)'\n');
        _length += name.Length + value.Length + 4;
    }

    private void Text(ReadOnlySpan<char> text)
    {
        if (Narrow(text, Room(text.Length)) is { } unfit)
        {
            throw new InvalidOperationException(unfit);
        }

        _length += text.Length;
    }

    /// <summary>Writes the text as Latin-1. Says why it may not be sent.</summary>
    private static string? Narrow(ReadOnlySpan<char> text, Span<byte> room)
    {
        room = room[..text.Length];

        // Nearly all of it is ASCII: that is told and written in one pass.
        if (System.Text.Ascii.FromUtf16(text, room, out _) != OperationStatus.Done)
        {
            if (text.ContainsAnyInRange('\u0100', '\uFFFF'))
            {
                return "a character in it is not Latin-1.";
            }

            Encoding.Latin1.GetBytes(text, room);
        }

        return room.ContainsAny((byte)'\r', (byte)'\n', (byte)0) ? "a line break or NUL is in it." : null;
    }

    private Span<byte> Room(int size)
    {
        if (_bytes.Length - _length < size)
        {
            var larger = LoopArrays.Rent(Math.Max(FirstSize, Math.Max(_bytes.Length * 2, _length + size)));
            Written.Span.CopyTo(larger);
            if (_bytes.Length > 0)
            {
                LoopArrays.Return(_bytes);
            }

            _bytes = larger;
        }

        return _bytes.AsSpan(_length);
    }
}
