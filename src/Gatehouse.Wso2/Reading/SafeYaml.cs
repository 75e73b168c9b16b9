using System.Collections.Immutable;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Gatehouse.Wso2;

/// <summary>Reads YAML, and with it JSON, that nobody vouches for: bounded in nodes and depth, aliases counted in full.</summary>
internal sealed class SafeYaml
{
    private const int MaxNodes = 500_000;
    private const int MaxDepth = 100;
    private readonly Dictionary<AnchorName, (DataNode Node, int Size)> _anchors = [];
    private readonly Parser _parser;
    private readonly string _file;
    private int _nodes;

    private SafeYaml(string text, string file)
    {
        _parser = new Parser(new StringReader(text));
        _file = file;
    }

    /// <summary>The document; null when it cannot be read, and then the log says why.</summary>
    public static DataNode? Read(byte[] bytes, string file, ReadingLog log)
    {
        var reader = new SafeYaml(Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF'), file);
        try
        {
            reader._parser.Consume<StreamStart>();
            if (!reader._parser.TryConsume<DocumentStart>(out _))
            {
                log.Problem(new Place(file, 1, 1), "", "the file is empty", "is this the right file?");
                return null;
            }

            return reader.Node(0);
        }
        catch (TooMuchException e)
        {
            log.Problem(e.Place, "", e.Message, "is this the right file?");
        }
        catch (YamlException e)
        {
            log.Problem(
                new Place(file, (int)Math.Max(e.Start.Line, 1), (int)Math.Max(e.Start.Column, 1)),
                "",
                $"this is neither YAML nor JSON: {e.Message.Split('\n')[0]}",
                "mend the file at this place"
            );
        }
        catch (Exception e)
            when (e is InvalidOperationException or ArgumentException or FormatException or OverflowException)
        {
            var end = reader._parser.Current?.End ?? Mark.Empty;
            log.Problem(
                new Place(file, (int)Math.Max(end.Line, 1), (int)Math.Max(end.Column, 1)),
                "",
                "this is neither YAML nor JSON: it goes wrong after this",
                "mend the file at this place"
            );
        }

        return null;
    }

    private DataNode Node(int depth)
    {
        var at = PlaceOf(_parser.Current!.Start);
        if (depth > MaxDepth)
        {
            throw new TooMuchException(at, $"it is nested deeper than {MaxDepth}");
        }

        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            if (!_anchors.TryGetValue(alias.Value, out var known))
            {
                throw new YamlException(alias.Start, alias.End, $"'*{alias.Value}' refers to nothing");
            }

            Count(known.Size, at);
            return known.Node;
        }

        var before = _nodes;
        Count(1, at);
        var (node, anchor) = Content(at, depth);
        if (!anchor.IsEmpty)
        {
            _anchors[anchor] = (node, _nodes - before);
        }

        return node;
    }

    private (DataNode Node, AnchorName Anchor) Content(Place at, int depth)
    {
        if (_parser.TryConsume<Scalar>(out var scalar))
        {
            return (new DataScalar(scalar.Value, scalar.Style is not ScalarStyle.Plain, at), scalar.Anchor);
        }

        if (_parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = ImmutableArray.CreateBuilder<DataNode>();
            while (!_parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(Node(depth + 1));
            }

            return (new DataList(items.ToImmutable(), at), sequence.Anchor);
        }

        var mapping = _parser.Consume<MappingStart>();
        var members = ImmutableArray.CreateBuilder<(string, Place, DataNode)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var name = _parser.Consume<Scalar>();
            var value = Node(depth + 1);
            // The last of a name counts, as the old tools read it.
            if (!names.Add(name.Value))
            {
                members.RemoveAll(m => m.Item1 == name.Value);
            }

            members.Add((name.Value, PlaceOf(name.Start), value));
        }

        return (new DataMap(members.ToImmutable(), at), mapping.Anchor);
    }

    private void Count(int size, Place at)
    {
        _nodes += size;
        if (_nodes > MaxNodes)
        {
            throw new TooMuchException(at, $"it has more than {MaxNodes:N0} values, aliases counted in full");
        }
    }

    private Place PlaceOf(Mark mark) => new(_file, (int)Math.Max(mark.Line, 1), (int)Math.Max(mark.Column, 1));

    private sealed class TooMuchException(Place place, string message) : Exception(message)
    {
        public Place Place => place;
    }
}
