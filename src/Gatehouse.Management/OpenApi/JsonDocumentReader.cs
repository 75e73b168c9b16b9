using System.Text;
using System.Text.Json;

namespace Gatehouse.Management.OpenApi;

/// <summary>JSON to nodes with their places. Repeated names are refused: readers disagree about which one counts.</summary>
internal ref struct JsonDocumentReader
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private Utf8JsonReader _reader;
    private int _nodes;

    // The place of a byte, moved forward only, so that finding all of them costs one pass even when all is one line.
    private int _at;
    private int _line = 1;
    private int _column = 1;

    private JsonDocumentReader(ReadOnlySpan<byte> text)
    {
        _text = text;
        _reader = new(text, new JsonReaderOptions { MaxDepth = DocumentLimits.MaxDepth });
    }

    public static DocumentNode Read(ReadOnlySpan<byte> text)
    {
        var reader = new JsonDocumentReader(text);
        try
        {
            reader._reader.Read();
            var root = reader.ReadValue();
            // Sees whatever follows the document.
            reader._reader.Read();
            return root;
        }
        catch (JsonException e)
        {
            var (line, column) = ((int)(e.LineNumber ?? 0), (int)(e.BytePositionInLine ?? 0));
            throw new DocumentException($"The JSON cannot be read: {Reason(e)}", line + 1, column + 1);
        }
        catch (InvalidOperationException)
        {
            // The only operation that is invalid here is unescaping a lone half of a surrogate pair.
            throw new DocumentException(
                "A string holds half a character (a lone surrogate)",
                reader._line,
                reader._column
            );
        }
    }

    private DocumentNode ReadValue()
    {
        var (line, column) = Here();
        var start = (int)_reader.TokenStartIndex;
        if (++_nodes > DocumentLimits.MaxNodes)
        {
            throw new DocumentException(
                $"The document has more than {DocumentLimits.MaxNodes:N0} values",
                line,
                column,
                "split it into several APIs"
            );
        }

        switch (_reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return ReadObject(line, column, start);
            case JsonTokenType.StartArray:
                var items = new List<DocumentNode>();
                while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
                {
                    items.Add(ReadValue());
                }

                return DocumentNode.Array(items, line, column, start);
            case JsonTokenType.String:
                return DocumentNode.Scalar(NodeKind.String, _reader.GetString()!, line, column, start);
            case JsonTokenType.Number:
                return DocumentNode.Scalar(
                    NodeKind.Number,
                    Encoding.UTF8.GetString(_reader.ValueSpan),
                    line,
                    column,
                    start
                );
            case JsonTokenType.True or JsonTokenType.False:
                return DocumentNode.Scalar(
                    NodeKind.Boolean,
                    _reader.TokenType == JsonTokenType.True ? "true" : "false",
                    line,
                    column,
                    start
                );
            default:
                return DocumentNode.Scalar(NodeKind.Null, "null", line, column, start);
        }
    }

    private DocumentNode ReadObject(int line, int column, int start)
    {
        var members = new MemberList();
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            var (nameLine, nameColumn) = Here();
            var name = Shared(_reader.GetString()!);
            var at = (int)_reader.TokenStartIndex;
            // The token's own end would be behind the colon.
            var nameEnd = at + _reader.ValueSpan.Length + 2;
            _reader.Read();
            members.Add(
                new(name, ReadValue(), nameLine, nameColumn)
                {
                    Start = at,
                    NameEnd = nameEnd,
                    End = (int)_reader.BytesConsumed,
                }
            );
        }

        return DocumentNode.Object(members.Members, line, column, start, isFlow: true);
    }

    // A large document says "type" and "description" a hundred thousand times.
    private readonly string Shared(string name)
    {
        if (_names.TryGetValue(name, out var known))
        {
            return known;
        }

        if (_names.Count < 4096)
        {
            _names.Add(name, name);
        }

        return name;
    }

    private (int Line, int Column) Here()
    {
        var between = _text[_at..(int)_reader.TokenStartIndex];
        _at += between.Length;
        var lines = between.Count((byte)'\n');
        if (lines > 0)
        {
            _line += lines;
            _column = 1;
            between = between[(between.LastIndexOf((byte)'\n') + 1)..];
        }

        _column += Encoding.UTF8.GetCharCount(between);
        return (_line, _column);
    }

    // "… LineNumber: 3 | BytePositionInLine: 7." is said by us in another way.
    private static string Reason(JsonException e)
    {
        var text = e
            .Message.Split(" LineNumber:")[0]
            .Split(" which is not supported in this mode")[0]
            .TrimEnd('.', ' ');
        return text.Contains("maximum configured depth", StringComparison.Ordinal)
            ? $"objects and arrays are nested deeper than {DocumentLimits.MaxDepth}"
            : text;
    }
}
