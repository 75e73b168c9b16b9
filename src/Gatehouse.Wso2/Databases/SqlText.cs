using System.Text;

namespace Gatehouse.Wso2;

/// <summary>Whose SQL a dump is written in: they differ in what a backslash and a double quote mean.</summary>
internal enum SqlDialect
{
    Unknown,
    MySql,
    PostgreSql,
}

/// <summary>A value of a row.</summary>
/// <param name="Text">Null for NULL, and for what was not wanted.</param>
/// <param name="Fault">What is wrong with it; null when nothing is.</param>
internal readonly record struct SqlValue(string? Text, string? Fault = null);

/// <summary>The words of a dump: names, values, what lies between them. What is not wanted is passed over and not held.</summary>
internal sealed class SqlText(SqlSource source, string file)
{
    /// <summary>Longest value that is held; the columns that are read are far shorter.</summary>
    public const int LongestValue = 64 * 1024;

    private const int LongestName = 256;
    private readonly StringBuilder _value = new();

    public SqlDialect Dialect { get; private set; }

    public bool AtEnd => source.Peek() < 0;

    public int Next => source.Peek();

    public Place Here => new(file, source.Line, source.Column);

    public bool Take(char c) => source.Take(c);

    public void Is(SqlDialect dialect)
    {
        if (Dialect == SqlDialect.Unknown)
        {
            Dialect = dialect;
        }
    }

    /// <summary>Passes over blanks and comments, which also tell who wrote the dump.</summary>
    public void SkipBlanks()
    {
        while (source.Peek() is var c and >= 0)
        {
            if (char.IsWhiteSpace((char)c) || c == '\uFEFF')
            {
                source.Read();
            }
            else if ((c == '-' && source.PeekSecond() == '-') || (c == '#' && Dialect != SqlDialect.PostgreSql))
            {
                Recognise(Line());
            }
            else if (c == '/' && source.PeekSecond() == '*')
            {
                SkipBlockComment();
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>The rest of the line, cut to what a command of a client needs.</summary>
    public string Line()
    {
        _value.Clear();
        while (source.Read() is var c and >= 0 && c != '\n')
        {
            if (_value.Length < LongestName)
            {
                _value.Append((char)c);
            }
        }

        return _value.ToString().TrimEnd('\r');
    }

    /// <summary>A bare word in capitals; empty when the next character begins none.</summary>
    public string Word()
    {
        _value.Clear();
        while (source.Peek() is var c and >= 0 && (char.IsLetterOrDigit((char)c) || c is '_' or '$'))
        {
            source.Read();
            if (_value.Length < LongestName)
            {
                _value.Append(char.ToUpperInvariant((char)c));
            }
        }

        return _value.ToString();
    }

    /// <summary>A name in capitals, without the schema and quotes it may have.</summary>
    public string Name()
    {
        while (true)
        {
            SkipBlanks();
            var part = source.Peek() switch
            {
                '`' => Quoted('`'),
                '"' => Quoted('"'),
                _ => Word(),
            };
            if (part.Length == 0)
            {
                throw new SqlTroubleException(Here, "a name is expected here");
            }

            SkipBlanks();
            if (!source.Take('.'))
            {
                return part;
            }
        }
    }

    /// <summary>The names in parentheses.</summary>
    public IReadOnlyList<string> Names()
    {
        Expect('(');
        var names = new List<string>();
        do
        {
            names.Add(Name());
            SkipBlanks();
            if (names.Count > 1000)
            {
                throw new SqlTroubleException(Here, "there are more than 1000 columns");
            }
        } while (source.Take(','));
        Expect(')');
        return names;
    }

    public void Expect(char wanted)
    {
        SkipBlanks();
        if (!source.Take(wanted))
        {
            throw new SqlTroubleException(
                Here,
                AtEnd
                    ? "the file ends in the middle of a statement"
                    : $"'{wanted}' is expected here, not '{(char)source.Peek()}'"
            );
        }
    }

    /// <summary>One value of VALUES; of one that is not <paramref name="wanted"/> only its end matters.</summary>
    public SqlValue Value(bool wanted)
    {
        SkipBlanks();
        var c = source.Peek();
        SqlValue value;
        if (c == '\'' || (c == '"' && Dialect == SqlDialect.MySql))
        {
            value = Text(wanted, Dialect == SqlDialect.MySql);
        }
        else if (c < 0)
        {
            throw new SqlTroubleException(Here, "the file ends in the middle of a row");
        }
        else
        {
            value = Bare(wanted);
        }

        // What may follow: a cast, an operator. Only a cast leaves the value what it is.
        SkipBlanks();
        if (source.Peek() is ',' or ')')
        {
            return value;
        }

        var isCast = source.Peek() == ':';
        SkipExpression();
        return isCast ? value : new(null, "the value is an expression, not a literal");
    }

    /// <summary>Passes over the rest of a statement and its semicolon.</summary>
    public void SkipStatement()
    {
        while (true)
        {
            SkipBlanks();
            switch (source.Peek())
            {
                case < 0:
                    return;
                case ';':
                    source.Read();
                    return;
                default:
                    SkipOne();
                    break;
            }
        }
    }

    /// <summary>Passes over what stands before the next comma or closing parenthesis of this level.</summary>
    public void SkipExpression()
    {
        var depth = 0;
        while (true)
        {
            SkipBlanks();
            switch (source.Peek())
            {
                case < 0:
                    throw new SqlTroubleException(Here, "the file ends in the middle of a statement");
                case ',' or ')' when depth == 0:
                    return;
                case '(':
                    depth++;
                    source.Read();
                    break;
                case ')':
                    depth--;
                    source.Read();
                    break;
                default:
                    SkipOne();
                    break;
            }
        }
    }

    // A quoted thing as a whole, else one character.
    private void SkipOne()
    {
        switch (source.Peek())
        {
            case '\'':
                Text(wanted: false, Dialect == SqlDialect.MySql);
                break;
            case '"' or '`':
                if (source.Peek() == '"' && Dialect == SqlDialect.MySql)
                {
                    Text(wanted: false, escapes: true);
                }
                else
                {
                    Quoted((char)source.Peek());
                }

                break;
            case '$' when Dialect != SqlDialect.MySql:
                SkipDollarQuoted();
                break;
            default:
                source.Read();
                break;
        }
    }

    private SqlValue Bare(bool wanted)
    {
        var word = Word();
        var next = source.Peek();
        if (next == '\'')
        {
            switch (word)
            {
                case "E":
                    return Text(wanted, escapes: true);
                case "X":
                    return Hexadecimal(Text(wanted, escapes: false).Text);
                case "B" or "N":
                    return Text(wanted, escapes: false);
                case ['_', ..]:
                    return Text(wanted, escapes: true); // _binary'…', _utf8mb4'…'
                default:
                    break;
            }
        }

        if (word.StartsWith('_') && next is ' ')
        {
            SkipBlanks();
            return source.Peek() == '\'' ? Text(wanted, escapes: true) : new(null, "the value is not a literal");
        }

        if (word.StartsWith("0X", StringComparison.Ordinal))
        {
            return wanted ? Hexadecimal(word[2..]) : default;
        }

        if (word.Length == 0 || word is [>= '0' and <= '9', ..])
        {
            return new(wanted ? word + Number() : Passed(Number()));
        }

        return word switch
        {
            "NULL" or "DEFAULT" => default,
            "TRUE" => new("1"),
            "FALSE" => new("0"),
            _ => new(null, "the value is an expression, not a literal"),
        };
    }

    private static string? Passed(string _) => null;

    // Sign, digits, point, exponent.
    private string Number()
    {
        _value.Clear();
        while (source.Peek() is var c and >= 0 && (char.IsAsciiLetterOrDigit((char)c) || c is '-' or '+' or '.'))
        {
            source.Read();
            if (_value.Length < LongestName)
            {
                _value.Append((char)c);
            }
        }

        return _value.ToString();
    }

    private static SqlValue Hexadecimal(string? digits)
    {
        try
        {
            return new(digits is null ? null : Encoding.UTF8.GetString(Convert.FromHexString(digits)));
        }
        catch (FormatException)
        {
            return new(null, "the value is not hexadecimal");
        }
    }

    private SqlValue Text(bool wanted, bool escapes)
    {
        var begin = Here;
        var quote = source.Read();
        _value.Clear();
        var tooLong = false;
        while (true)
        {
            var c = source.Read();
            if (c < 0)
            {
                throw new SqlTroubleException(begin, "the text that begins here has no end");
            }

            if (c == quote)
            {
                if (source.Peek() != quote)
                {
                    break;
                }

                source.Read();
            }
            else if (c == '\\' && escapes)
            {
                c = Escaped(source.Read());
            }

            if (wanted && _value.Length < LongestValue)
            {
                _value.Append((char)c);
            }
            else
            {
                tooLong = wanted;
            }
        }

        return !wanted ? default
            : tooLong ? new(null, $"the value is longer than {LongestValue:N0} characters")
            : new(_value.ToString());
    }

    /// <summary>What stands for a character behind a backslash.</summary>
    public static int Escaped(int c) =>
        c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\b',
            'f' => '\f',
            'v' => '\v',
            '0' => '\0',
            'Z' => '\u001a',
            _ => c,
        };

    private string Quoted(char quote)
    {
        var begin = Here;
        if (quote == '`')
        {
            Is(SqlDialect.MySql);
        }

        source.Read();
        _value.Clear();
        while (true)
        {
            var c = source.Read();
            if (c < 0 || _value.Length > LongestName)
            {
                throw new SqlTroubleException(begin, "the name that begins here has no end");
            }

            if (c == quote)
            {
                if (source.Peek() != quote)
                {
                    return _value.ToString();
                }

                source.Read();
            }

            _value.Append(char.ToUpperInvariant((char)c));
        }
    }

    private void SkipBlockComment()
    {
        var begin = Here;
        source.Read();
        source.Read();
        if (source.Peek() == '!')
        {
            Is(SqlDialect.MySql);
        }

        while (true)
        {
            var c = source.Read();
            if (c < 0)
            {
                throw new SqlTroubleException(begin, "the comment that begins here has no end");
            }

            if (c == '*' && source.Take('/'))
            {
                return;
            }
        }
    }

    // $$ … $$ and $tag$ … $tag$: bodies of functions, which hold semicolons.
    private void SkipDollarQuoted()
    {
        var begin = Here;
        source.Read();
        var tag = source.Peek() == '$' ? "" : Tag();
        if (!source.Take('$'))
        {
            return; // $1
        }

        Is(SqlDialect.PostgreSql);
        while (true)
        {
            var c = source.Read();
            if (c < 0)
            {
                throw new SqlTroubleException(begin, "the text that begins here has no end");
            }

            if (c == '$' && (tag.Length == 0 || Tag() == tag) && source.Take('$'))
            {
                return;
            }
        }
    }

    private string Tag()
    {
        _value.Clear();
        while (
            source.Peek() is var c and >= 0 && (char.IsAsciiLetterOrDigit((char)c) || c == '_') && _value.Length < 64
        )
        {
            source.Read();
            _value.Append((char)c);
        }

        return _value.ToString();
    }

    private void Recognise(string comment)
    {
        if (
            comment.Contains("MySQL dump", StringComparison.OrdinalIgnoreCase)
            || comment.Contains("MariaDB dump", StringComparison.OrdinalIgnoreCase)
            || comment.Contains("phpMyAdmin", StringComparison.OrdinalIgnoreCase)
        )
        {
            Is(SqlDialect.MySql);
        }
        else if (comment.Contains("PostgreSQL database", StringComparison.OrdinalIgnoreCase))
        {
            Is(SqlDialect.PostgreSql);
        }
    }
}

/// <summary>A dump cannot be read from here on.</summary>
internal sealed class SqlTroubleException(Place place, string message) : Exception(message)
{
    public Place Place => place;
}
