using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Wso2;

/// <summary>
/// Reads an SQL dump as mysqldump, phpMyAdmin and pg_dump write it (COPY and INSERT), of any size and in one pass: what is held
/// is the row that is being read. Rows of tables that are not wanted are passed over.
/// </summary>
internal sealed class SqlDump
{
    private const int MostProblems = 50;

    private static readonly HashSet<string> s_noColumn =
    [
        "PRIMARY",
        "UNIQUE",
        "KEY",
        "INDEX",
        "CONSTRAINT",
        "FOREIGN",
        "FULLTEXT",
        "SPATIAL",
        "CHECK",
        "EXCLUDE",
        "LIKE",
    ];

    private readonly SqlSource _source;
    private readonly SqlText _text;
    private readonly OldDatabase _database;
    private readonly ReadingLog _log;
    private readonly Dictionary<string, IReadOnlyList<string>> _columns = new(StringComparer.Ordinal);
    private int _problems;

    private SqlDump(TextReader text, string file, OldDatabase database, ReadingLog log)
    {
        _source = new(text);
        _text = new(_source, file);
        _database = database;
        _log = log;
    }

    /// <summary>Reads a file into <paramref name="database"/>. What cannot be read is told to the log.</summary>
    public static void Read(string path, OldDatabase database, ReadingLog log)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            if (NoText(file) is { } form)
            {
                log.Add(new Problem("", form.What, form.Fix, path));
                return;
            }

            using var text = new StreamReader(file, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
            new SqlDump(text, path, database, log).Statements();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Add(
                new Problem("", $"the file cannot be read: {e.Message}", "check the path and the rights on it", path)
            );
        }
    }

    private static (string What, string Fix)? NoText(FileStream file)
    {
        Span<byte> begin = stackalloc byte[5];
        var read = file.ReadAtLeast(begin, begin.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return begin[..read] switch
        {
            [] => ("the file is empty", "is this the right file?"),
            [0x1f, 0x8b, ..] => ("the file is compressed", "unpack it first: gunzip FILE"),
            [(byte)'P', (byte)'K', ..] => ("the file is an archive", "unpack it first: unzip FILE"),
            [(byte)'P', (byte)'G', (byte)'D', (byte)'M', (byte)'P'] => (
                "this is pg_dump's own format, not SQL",
                "turn it into SQL first: pg_restore -f dump.sql FILE"
            ),
            _ => null,
        };
    }

    private void Statements()
    {
        try
        {
            while (_problems < MostProblems)
            {
                _text.SkipBlanks();
                if (_text.AtEnd)
                {
                    return;
                }

                Statement();
            }

            _log.Problem(
                _text.Here,
                "",
                "there are too many problems; the rest is not read",
                "is this the right file?"
            );
        }
        catch (SqlTroubleException trouble)
        {
            _log.Problem(
                trouble.Place,
                "",
                trouble.Message,
                "mend the file at this place, or make the dump again; nothing behind it is read"
            );
        }
    }

    private void Statement()
    {
        if (_text.Next == '\\')
        {
            _text.Line(); // a command of psql
            return;
        }

        switch (_text.Word())
        {
            case "CREATE":
                Create();
                break;
            case "INSERT" or "REPLACE":
                Insert();
                break;
            case "COPY":
                _text.Is(SqlDialect.PostgreSql);
                Copy();
                break;
            case "DELIMITER":
                SkipDelimited();
                break;
            default:
                _text.SkipStatement();
                break;
        }
    }

    // Bodies of triggers and procedures, which hold semicolons (a command of mysql).
    private void SkipDelimited()
    {
        _text.Is(SqlDialect.MySql);
        if (_text.Line().Trim() == ";")
        {
            return;
        }

        while (!_text.AtEnd)
        {
            var line = _text.Line();
            if (line.StartsWith("DELIMITER", StringComparison.OrdinalIgnoreCase) && line[9..].Trim() == ";")
            {
                return;
            }
        }
    }

    private void Create()
    {
        _text.SkipBlanks();
        var word = _text.Word();
        if (word != "TABLE")
        {
            _text.SkipStatement();
            return;
        }

        _text.SkipBlanks();
        var table = _text.Next is '`' or '"' ? _text.Name() : _text.Word();
        if (table == "IF")
        {
            _text.SkipBlanks();
            _text.Word();
            _text.SkipBlanks();
            _text.Word();
            table = _text.Name();
        }
        else if (_text.Take('.'))
        {
            table = _text.Name();
        }

        if (OldTable.Of(table) is not null)
        {
            _columns[table] = Columns();
        }

        _text.SkipStatement();
    }

    private List<string> Columns()
    {
        var columns = new List<string>();
        _text.Expect('(');
        do
        {
            _text.SkipBlanks();
            var isQuoted = _text.Next is '`' or '"';
            var name = isQuoted ? _text.Name() : _text.Word();
            if (name.Length > 0 && (isQuoted || !s_noColumn.Contains(name)))
            {
                columns.Add(name);
            }

            _text.SkipExpression();
        } while (_text.Take(','));
        _text.Expect(')');
        return columns;
    }

    private void Insert()
    {
        _text.SkipBlanks();
        var word = _text.Word();
        while (word is "LOW_PRIORITY" or "DELAYED" or "HIGH_PRIORITY" or "IGNORE")
        {
            _text.SkipBlanks();
            word = _text.Word();
        }

        var place = _text.Here;
        var table = word is "INTO" ? _text.Name() : word;
        if (Table(table, place) is not { } wanted)
        {
            _text.SkipStatement();
            return;
        }

        _text.SkipBlanks();
        var columns = _text.Next == '(' ? _text.Names() : _columns.GetValueOrDefault(table);
        if (columns is null)
        {
            Problem(
                place,
                $"{table}: the INSERT names no columns, and no CREATE TABLE before it does",
                "make the dump with the tables' structure, or with mysqldump --complete-insert or pg_dump --column-inserts"
            );
            _text.SkipStatement();
            return;
        }

        _text.SkipBlanks();
        word = _text.Word();
        if (word == "OVERRIDING")
        {
            for (var i = 0; i < 3; i++)
            {
                _text.SkipBlanks();
                word = _text.Word();
            }
        }

        if (word is not ("VALUES" or "VALUE"))
        {
            Problem(place, $"{table}: this INSERT holds no VALUES", "make the dump with mysqldump or pg_dump");
            _text.SkipStatement();
            return;
        }

        var kept = Kept(wanted, columns);
        do
        {
            Row(table, wanted, columns.Count, kept);
            _text.SkipBlanks();
        } while (_text.Take(','));
        if (_text.AtEnd)
        {
            throw new SqlTroubleException(_text.Here, "the file ends in the middle of a statement");
        }

        _text.SkipStatement();
    }

    private void Row(string table, OldTable wanted, int columns, int[] kept)
    {
        _text.SkipBlanks();
        var place = _text.Here;
        _text.Expect('(');
        var values = new string?[wanted.Columns.Length];
        string? fault = null;
        var count = 0;
        do
        {
            var slot = count < kept.Length ? kept[count] : -1;
            var value = _text.Value(slot >= 0);
            if (slot >= 0)
            {
                values[slot] = value.Text;
                fault ??= value.Fault is null ? null : $"{wanted.Columns[slot]}: {value.Fault}";
            }

            count++;
        } while (_text.Take(','));
        _text.Expect(')');
        Add(table, wanted, values, place, columns, count, fault);
    }

    private void Copy()
    {
        _text.SkipBlanks();
        var place = _text.Here;
        if (_text.Next == '(')
        {
            _text.SkipStatement();
            return;
        }

        var table = _text.Name();
        _text.SkipBlanks();
        var columns = _text.Next == '(' ? _text.Names() : _columns.GetValueOrDefault(table);
        var fromInput = false;
        while (!_text.AtEnd && _text.Next != ';')
        {
            _text.SkipBlanks();
            var word = _text.Word();
            fromInput |= word == "STDIN";
            if (word.Length == 0 && _text.Next != ';')
            {
                _text.Take((char)_text.Next);
            }
        }

        _text.SkipStatement();
        _text.Line();
        if (!fromInput)
        {
            return;
        }

        var wanted = Table(table, place);
        if (wanted is not null && columns is null)
        {
            Problem(
                place,
                $"{table}: the COPY names no columns, and no CREATE TABLE before it does",
                "make the dump with pg_dump"
            );
            wanted = null;
        }

        var kept = wanted is null ? [] : Kept(wanted, columns!);
        while (CopiedRow(table, wanted, columns?.Count ?? 0, kept))
        {
            // The next one.
        }
    }

    // False at the end of the data: a line with \. alone.
    private bool CopiedRow(string table, OldTable? wanted, int columns, int[] kept)
    {
        var place = _text.Here;
        var values = wanted is null ? [] : new string?[wanted.Columns.Length];
        var field = new StringBuilder();
        var (count, isNull, escapedEnd) = (0, false, false);
        string? fault = null;
        while (true)
        {
            var c = _source.Read();
            if (c < 0 && escapedEnd)
            {
                return false;
            }

            if (c < 0)
            {
                throw new SqlTroubleException(place, $"the file ends in the middle of the rows of {table}");
            }

            if (c is '\t' or '\n')
            {
                if (escapedEnd && count == 0 && field.Length == 0 && c == '\n')
                {
                    return false;
                }

                if (wanted is not null && count < kept.Length && kept[count] >= 0)
                {
                    values[kept[count]] = isNull ? null : field.ToString();
                }

                count++;
                field.Clear();
                isNull = false;
                if (c == '\n')
                {
                    break;
                }

                continue;
            }

            if (c == '\r' && _source.Peek() == '\n')
            {
                continue;
            }

            if (c == '\\')
            {
                c = _source.Read();
                if (c == '.' && count == 0 && field.Length == 0)
                {
                    escapedEnd = true;
                    continue;
                }

                if (c == 'N' && field.Length == 0)
                {
                    isNull = true;
                    continue;
                }

                c = SqlText.Escaped(c);
            }

            if (count < kept.Length && kept[count] >= 0)
            {
                if (field.Length < SqlText.LongestValue)
                {
                    field.Append((char)c);
                }
                else
                {
                    fault ??=
                        $"{wanted!.Columns[kept[count]]}: the value is longer than {SqlText.LongestValue:N0} characters";
                }
            }
        }

        if (wanted is not null)
        {
            Add(table, wanted, values, place, columns, count, fault);
        }

        return true;
    }

    private void Add(
        string table,
        OldTable wanted,
        string?[] values,
        Place place,
        int columns,
        int count,
        string? fault
    )
    {
        if (count != columns)
        {
            fault = $"the row has {count} values for {columns} columns";
        }

        if (fault is not null)
        {
            Problem(place, $"{table}: {fault}", "mend the row, or make the dump again; the row is left out");
            return;
        }

        _database.Add(new(wanted, values, place));
    }

    private OldTable? Table(string name, Place place)
    {
        var wanted = OldTable.Of(name);
        if (wanted is null)
        {
            _database.PassOver(name, place);
        }

        return wanted;
    }

    // For each column of the statement, where its value goes; -1 for nowhere.
    private static int[] Kept(OldTable wanted, IReadOnlyList<string> columns) =>
        [.. columns.Select(c => Array.IndexOf(wanted.Columns, c))];

    private void Problem(Place place, string message, string fix)
    {
        _problems++;
        _log.Problem(place, "", message, fix);
    }
}
