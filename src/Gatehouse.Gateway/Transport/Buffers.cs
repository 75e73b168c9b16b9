using System.Buffers;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// The pieces of memory that bytes of connections pass through. In a debug build, or with the switch
/// <c>Gatehouse.Transport.PoisonBuffers</c>, what is given back is overwritten and counted: code that looks at a buffer it
/// no longer owns then reads rubbish instead of somebody else's bytes.
/// </summary>
internal static class Buffers
{
    public const int Small = 4 * 1024;
    public const int Large = 64 * 1024;
    public const byte Poison = 0xDB;

    private static readonly bool s_poisons =
#if DEBUG
        !AppContext.TryGetSwitch("Gatehouse.Transport.PoisonBuffers", out var wanted) || wanted;
#else
        AppContext.TryGetSwitch("Gatehouse.Transport.PoisonBuffers", out var wanted) && wanted;
#endif
    private static long s_lent;

    /// <summary>Buffers that are with somebody, where buffers are poisoned; else 0.</summary>
    public static long Lent => Volatile.Read(ref s_lent);

    public static byte[] Rent(int atLeast)
    {
        if (s_poisons)
        {
            Interlocked.Increment(ref s_lent);
        }

        return LoopArrays.Rent(atLeast);
    }

    public static void Return(byte[] buffer)
    {
        if (s_poisons)
        {
            Interlocked.Decrement(ref s_lent);
            buffer.AsSpan().Fill(Poison);
        }

        LoopArrays.Return(buffer);
    }
}

/// <summary>A rented buffer in a chain of such: what was received and not yet consumed, or written and not yet sent.</summary>
internal sealed class Block : ReadOnlySequenceSegment<byte>
{
    private byte[] _buffer;

    public Block(int size)
    {
        _buffer = Buffers.Rent(size);
        Memory = _buffer;
    }

    /// <summary>Where the bytes begin that nobody has taken yet.</summary>
    public int Start { get; set; }

    /// <summary>Where they end.</summary>
    public int End { get; private set; }

    public int Length => End - Start;

    public int Free => _buffer.Length - End;

    public Block? Following => (Block?)Next;

    public ReadOnlySpan<byte> Content => _buffer.AsSpan(Start, Length);

    public Memory<byte> FreeMemory => _buffer.AsMemory(End);

    public Span<byte> FreeSpan => _buffer.AsSpan(End);

    public void Fill(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Free, nameof(count));
        End += count;
    }

    /// <summary>Appends a block. A reader's sequence ends this one where its bytes end.</summary>
    public void Append(Block block)
    {
        Memory = _buffer.AsMemory(0, End);
        block.RunningIndex = RunningIndex + End;
        Next = block;
    }

    /// <summary>Gives the buffer back and returns the block after it.</summary>
    public Block? Release()
    {
        var next = Following;
        var buffer = _buffer;
        _buffer = [];
        Memory = default;
        Next = null;
        if (buffer.Length > 0)
        {
            Buffers.Return(buffer);
        }

        return next;
    }
}
