namespace Gatehouse.Wso2;

/// <summary>A text of any length, a character at a time, with its line and column. Holds one block of it.</summary>
internal sealed class SqlSource(TextReader text)
{
    private const int End = -1;

    private readonly char[] _block = new char[64 * 1024];
    private int _at;
    private int _count;

    public int Line { get; private set; } = 1;

    public int Column { get; private set; } = 1;

    /// <summary>The next character; -1 at the end.</summary>
    public int Peek() => _at < _count || Fill() ? _block[_at] : End;

    /// <summary>The one after the next; -1 when there is none.</summary>
    public int PeekSecond() => _at + 1 < _count || (Fill() && _at + 1 < _count) ? _block[_at + 1] : End;

    public int Read()
    {
        var c = Peek();
        if (c == End)
        {
            return End;
        }

        _at++;
        if (c == '\n')
        {
            Line = Line == int.MaxValue ? Line : Line + 1;
            Column = 1;
        }
        else if (Column < int.MaxValue)
        {
            Column++;
        }

        return c;
    }

    /// <summary>Takes the next character when it is <paramref name="wanted"/>.</summary>
    public bool Take(char wanted)
    {
        if (Peek() != wanted)
        {
            return false;
        }

        Read();
        return true;
    }

    // Keeps what is not read yet, so that two characters can be looked at across blocks.
    private bool Fill()
    {
        var rest = _count - _at;
        Array.Copy(_block, _at, _block, 0, rest);
        (_at, _count) = (0, rest);
        var read = text.Read(_block, rest, _block.Length - rest);
        _count += read;
        return _count > 0;
    }
}
