using System.Buffers;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// Cuts a stream of fragments into lines. A line within one fragment is not copied; of one that is spread over several,
/// the pieces are kept here until it ends.
/// </summary>
internal sealed class LineReader : IDisposable
{
    // HTAB is the only control character that a line may hold.
    internal static readonly SearchValues<byte> Controls = SearchValues.Create([
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
        17,
        18,
        19,
        20,
        21,
        22,
        23,
        24,
        25,
        26,
        27,
        28,
        29,
        30,
        31,
        127,
    ]);

    private byte[] _kept = [];
    private int _keptLength;
    private bool _keptCr;

    public enum Outcome
    {
        Line,
        Partial,
        Refused,
    }

    /// <summary>
    /// Takes the next line. <paramref name="used"/> is how much of the fragment it took; a line is valid until the next call.
    /// </summary>
    public Outcome Take(
        ReadOnlySpan<byte> fragment,
        int limit,
        Violation tooLong,
        out ReadOnlySpan<byte> line,
        out int used,
        out Violation violation
    )
    {
        line = default;
        used = 0;
        violation = Violation.None;

        if (_keptCr)
        {
            if (fragment[0] != '\n')
            {
                violation = Violation.LineEnd;
                return Outcome.Refused;
            }

            line = Kept();
            used = 1;
            return Outcome.Line;
        }

        var end = fragment.IndexOfAny(Controls);
        if (_keptLength + (end < 0 ? fragment.Length : end) > limit)
        {
            violation = tooLong;
            return Outcome.Refused;
        }

        if (end < 0)
        {
            Keep(fragment);
            used = fragment.Length;
            return Outcome.Partial;
        }

        if (fragment[end] != '\r')
        {
            violation = fragment[end] == '\n' ? Violation.LineEnd : Violation.ControlCharacter;
            return Outcome.Refused;
        }

        if (end + 1 == fragment.Length)
        {
            Keep(fragment[..end]);
            _keptCr = true;
            used = fragment.Length;
            return Outcome.Partial;
        }

        if (fragment[end + 1] != '\n')
        {
            violation = Violation.LineEnd;
            return Outcome.Refused;
        }

        used = end + 2;
        if (_keptLength == 0)
        {
            line = fragment[..end];
        }
        else
        {
            Keep(fragment[..end]);
            line = Kept();
        }

        return Outcome.Line;
    }

    /// <summary>Gives the buffer of a line that was spread over fragments back.</summary>
    public void Dispose()
    {
        if (_kept.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_kept);
            _kept = [];
        }
    }

    private ReadOnlySpan<byte> Kept()
    {
        var line = _kept.AsSpan(0, _keptLength);
        _keptLength = 0;
        _keptCr = false;
        return line;
    }

    private void Keep(ReadOnlySpan<byte> piece)
    {
        if (_keptLength + piece.Length > _kept.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(256, 2 * (_keptLength + piece.Length)));
            _kept.AsSpan(0, _keptLength).CopyTo(larger);
            Dispose();
            _kept = larger;
        }

        piece.CopyTo(_kept.AsSpan(_keptLength));
        _keptLength += piece.Length;
    }
}
