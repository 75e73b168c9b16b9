using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// YAML to nodes with their places, from the parser's events: the packages that turn YAML into JSON either hang on an alias or
/// lose the places (docs/decisions/0004-dependencies.md). Scalars follow YAML 1.2's core schema; an alias costs as many nodes
/// as what it stands for.
/// </summary>
internal sealed class YamlDocumentReader
{
    private readonly Parser _parser;
    private readonly Dictionary<string, DocumentNode> _anchors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private long _nodes;
    private int _depth;

    // Behind the last thing read that is more than the end of a block, which lies behind comments and empty lines.
    private int _end;

    private YamlDocumentReader(TextReader text) => _parser = new(text);

    public static DocumentNode Read(string text)
    {
        var reader = new YamlDocumentReader(new StringReader(text));
        try
        {
            return reader.ReadDocument();
        }
        catch (YamlException e)
        {
            throw new DocumentException(
                $"The YAML cannot be read: {Reason(e)}",
                (int)Math.Max(1, e.Start.Line),
                (int)Math.Max(1, e.Start.Column)
            );
        }
        catch (Exception e) when (e is not DocumentException and not OutOfMemoryException)
        {
            // The parser is not ours, and now and then it trips over text instead of refusing it.
            var mark = reader._parser.Current?.Start ?? Mark.Empty;
            throw new DocumentException(
                "The YAML cannot be read: what begins here is not well formed",
                (int)Math.Max(1, mark.Line),
                (int)Math.Max(1, mark.Column)
            );
        }
    }

    private DocumentNode ReadDocument()
    {
        Next<StreamStart>();
        Next<DocumentStart>();
        _parser.MoveNext();
        var root = ReadValue();
        Next<DocumentEnd>();
        _parser.MoveNext();
        return _parser.Current is StreamEnd
            ? root
            : throw Broken("A second document begins here", "hand in one document at a time");
    }

    /// <summary>Reads the value that begins at the current event; leaves its last event current.</summary>
    private DocumentNode ReadValue()
    {
        Spend(1);
        switch (_parser.Current)
        {
            case Scalar scalar:
                _end = (int)scalar.End.Index;
                return Anchor(
                    scalar.Anchor,
                    DocumentNode.Scalar(Kind(scalar), scalar.Value, Line(scalar), Column(scalar), Start(scalar))
                );
            case AnchorAlias alias:
                if (!_anchors.TryGetValue(alias.Value.Value, out var target))
                {
                    throw Broken(
                        $"The alias *{Excerpt.Of(alias.Value.Value)} stands inside its own anchor or has none before it"
                    );
                }

                _end = (int)alias.End.Index;
                Spend(target.Size - 1);
                return target;
            case SequenceStart start:
                var items = new List<DocumentNode>();
                Descend();
                while (_parser.MoveNext() && _parser.Current is not SequenceEnd)
                {
                    items.Add(ReadValue());
                }

                _depth--;
                EndOf(start.Style == SequenceStyle.Flow);
                return Anchor(start.Anchor, DocumentNode.Array(items, Line(start), Column(start), Start(start)));
            case MappingStart start:
                Descend();
                var members = ReadMembers();
                _depth--;
                var isFlow = start.Style == MappingStyle.Flow;
                EndOf(isFlow);
                return Anchor(
                    start.Anchor,
                    DocumentNode.Object(members, Line(start), Column(start), Start(start), isFlow)
                );
            default:
                throw Broken("The document ends before its first value");
        }
    }

    private IReadOnlyList<DocumentMember> ReadMembers()
    {
        var members = new MemberList();
        var merged = new List<DocumentNode>();
        while (_parser.MoveNext() && _parser.Current is not MappingEnd)
        {
            if (_parser.Current is not Scalar key)
            {
                throw Broken("The name of a member must be plain text", "put the name in quotes");
            }

            var (line, column) = (Line(key), Column(key));
            if (!key.Anchor.IsEmpty)
            {
                Anchor(key.Anchor, DocumentNode.Scalar(NodeKind.String, key.Value, line, column, Start(key)));
            }

            var (at, nameEnd) = (Start(key), (int)key.End.Index);
            _end = nameEnd;
            _parser.MoveNext();
            var value = ReadValue();
            if (key is { Value: "<<", Style: ScalarStyle.Plain })
            {
                merged.AddRange(value.Kind == NodeKind.Array ? value.Items : [value]);
            }
            else
            {
                members.Add(
                    new(Shared(key.Value), value, line, column)
                    {
                        Start = at,
                        NameEnd = nameEnd,
                        End = _end,
                    }
                );
            }
        }

        // A merge gives what the object does not say itself; of several, the first wins.
        foreach (var member in merged.SelectMany(m => m.Members))
        {
            if (members.Find(member.Name) is null)
            {
                members.Add(member);
            }
        }

        return members.Members;
    }

    private void EndOf(bool flow)
    {
        if (flow)
        {
            // The parser gives the bracket's own end as its beginning.
            _end = Start(_parser.Current!) + 1;
        }
    }

    private void Descend()
    {
        if (++_depth > DocumentLimits.MaxDepth)
        {
            throw Broken($"Objects and arrays are nested deeper than {DocumentLimits.MaxDepth}");
        }
    }

    private void Spend(long nodes)
    {
        _nodes += nodes;
        if (_nodes > DocumentLimits.MaxNodes)
        {
            throw Broken(
                $"The document has more than {DocumentLimits.MaxNodes:N0} values, each alias counted as often as it is used",
                "write out what is meant, or split the document into several APIs"
            );
        }
    }

    private DocumentNode Anchor(AnchorName anchor, DocumentNode node)
    {
        if (!anchor.IsEmpty)
        {
            _anchors[anchor.Value] = node;
        }

        return node;
    }

    private string Shared(string name)
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

    private void Next<T>()
        where T : ParsingEvent
    {
        if (!_parser.MoveNext() || _parser.Current is not T)
        {
            throw Broken("The document ends too early");
        }
    }

    private DocumentException Broken(string message, string? fix = null)
    {
        var mark = _parser.Current?.Start ?? Mark.Empty;
        return new(message, (int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column), fix);
    }

    private static int Line(ParsingEvent e) => (int)e.Start.Line;

    private static int Start(ParsingEvent e) => (int)e.Start.Index;

    private static int Column(ParsingEvent e) => (int)e.Start.Column;

    private static NodeKind Kind(Scalar scalar)
    {
        if (scalar.Style != ScalarStyle.Plain || (!scalar.Tag.IsEmpty && scalar.Tag.Value == "tag:yaml.org,2002:str"))
        {
            return NodeKind.String;
        }

        return scalar.Value switch
        {
            "" or "~" or "null" or "Null" or "NULL" => NodeKind.Null,
            "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => NodeKind.Boolean,
            _ when IsNumber(scalar.Value) => NodeKind.Number,
            _ => NodeKind.String,
        };
    }

    private static bool IsNumber(string text)
    {
        var digits = text.AsSpan().TrimStart("+-");
        if (digits.IsEmpty || digits.Length > 400)
        {
            return false;
        }

        return digits is ".inf" or ".Inf" or ".INF" or ".nan" or ".NaN" or ".NAN"
            || (digits.StartsWith("0x") && digits.Length > 2 && digits[2..].IndexOfAnyExcept(s_hexadecimal) < 0)
            || (
                (char.IsAsciiDigit(digits[0]) || digits[0] == '.')
                && double.TryParse(digits, System.Globalization.CultureInfo.InvariantCulture, out _)
            );
    }

    private static readonly System.Buffers.SearchValues<char> s_hexadecimal = System.Buffers.SearchValues.Create(
        "0123456789abcdefABCDEF"
    );

    // The exception's message begins with the place, which is said by us in another way.
    private static string Reason(YamlException e)
    {
        var text = e.InnerException?.Message ?? e.Message;
        var end = text.StartsWith('(') ? text.IndexOf("): ", StringComparison.Ordinal) : -1;
        return Excerpt.Of((end < 0 ? text : text[(end + 3)..]).TrimEnd('.', ' '));
    }
}
