using System.Collections.Immutable;
using Gatehouse.Model;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Gatehouse.Configuration;

/// <summary>
/// Reads YAML (and with it JSON) into <see cref="ConfigNode"/>s. Bounded: an alias counts as often as it is used, so a few
/// lines cannot grow into millions. A duplicate key is a problem beside the others, not the end of reading.
/// </summary>
internal sealed class YamlTree
{
    /// <summary>Most nodes of one document, aliases counted in full.</summary>
    public const int MaxNodes = 10_000;

    /// <summary>Deepest nesting.</summary>
    public const int MaxDepth = 16;

    /// <summary>Longest document in characters.</summary>
    public const int MaxLength = 1024 * 1024;

    private readonly Dictionary<AnchorName, (ConfigNode Node, int Size)> _anchors = [];
    private readonly ICollection<Problem> _problems;
    private readonly Func<Mark, Origin> _place;
    private readonly Parser _parser;
    private int _nodes;

    private YamlTree(string text, Func<Mark, Origin> place, ICollection<Problem> problems)
    {
        _parser = new Parser(new StringReader(text));
        _place = place;
        _problems = problems;
    }

    /// <summary>The document's root; null when it is empty or cannot be read, and then <paramref name="problems"/> says why.</summary>
    public static ConfigNode? Read(string text, Func<Mark, Origin> place, ICollection<Problem> problems)
    {
        if (text.Length > MaxLength)
        {
            problems.Add(
                place(Mark.Empty)
                    .Problem("", $"the document is larger than {MaxLength / 1024} KiB", "is this the right file?")
            );
            return null;
        }

        var tree = new YamlTree(text, place, problems);
        try
        {
            return tree.ReadDocument();
        }
        catch (TooMuchException e)
        {
            problems.Add(e.Problem);
        }
        catch (YamlException e)
        {
            problems.Add(Invalid(place(e.Start), FirstSentence(e)));
        }
        catch (Exception e)
            when (e is InvalidOperationException or ArgumentException or FormatException or OverflowException)
        {
            // The parser's own slips on some broken texts; where it last stood is near enough.
            problems.Add(
                Invalid(place(tree._parser.Current?.End ?? Mark.Empty), "it breaks off or goes wrong after this")
            );
        }

        return null;
    }

    private static Problem Invalid(Origin place, string reason) =>
        place.Problem(
            "",
            $"this is not valid YAML: {reason}",
            "check indentation, colons and quotes on this line and the one above"
        );

    private ConfigNode? ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (_parser.TryConsume<StreamEnd>(out _))
        {
            return null;
        }

        _parser.Consume<DocumentStart>();
        var (root, _) = ReadNode(0);
        _parser.Consume<DocumentEnd>();
        if (_parser.Accept<DocumentStart>(out var second))
        {
            _problems.Add(
                _place(second.Start).Problem("", "a second document begins here", "remove the '---' and what follows")
            );
        }

        return root;
    }

    private (ConfigNode Node, int Size) ReadNode(int depth)
    {
        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return ReadAlias(alias);
        }

        var start = _parser.Current!.Start;
        Count(1, start);
        if (depth > MaxDepth)
        {
            throw new TooMuchException(
                _place(start).Problem("", $"nested more than {MaxDepth} levels deep", "no setting is that deep")
            );
        }

        if (_parser.TryConsume<Scalar>(out var scalar))
        {
            var node = new ConfigScalar(scalar.Value, scalar.Style != ScalarStyle.Plain, _place(scalar.Start));
            return Remember(scalar.Anchor, (node, 1));
        }

        if (_parser.TryConsume<SequenceStart>(out var list))
        {
            var items = ImmutableArray.CreateBuilder<ConfigNode>();
            var size = 1;
            while (!_parser.TryConsume<SequenceEnd>(out _))
            {
                var (item, itemSize) = ReadNode(depth + 1);
                items.Add(item);
                size += itemSize;
            }

            return Remember(list.Anchor, (new ConfigList(items.ToImmutable(), _place(list.Start)), size));
        }

        return ReadMap(_parser.Consume<MappingStart>(), depth);
    }

    private (ConfigNode Node, int Size) ReadMap(MappingStart map, int depth)
    {
        var entries = ImmutableArray.CreateBuilder<ConfigEntry>();
        var first = new Dictionary<string, Origin>(StringComparer.Ordinal);
        var size = 1;
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var keyStart = _parser.Current!.Start;
            var (keyNode, keySize) = ReadNode(depth + 1);
            var (value, valueSize) = ReadNode(depth + 1);
            size += keySize + valueSize;
            if (keyNode is not ConfigScalar key)
            {
                _problems.Add(_place(keyStart).Problem("", "a key is a single word", "write 'name: value'"));
            }
            else if (!first.TryAdd(key.Text, key.Origin))
            {
                _problems.Add(
                    key.Origin.Problem(
                        "",
                        $"key '{key.Text}' stands here a second time",
                        $"keep this one or the one on line {first[key.Text].Line}"
                    )
                );
            }
            else
            {
                entries.Add(new ConfigEntry(key.Text, key.Origin, value));
            }
        }

        return Remember(map.Anchor, (new ConfigMap(entries.ToImmutable(), _place(map.Start)), size));
    }

    private (ConfigNode Node, int Size) ReadAlias(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value, out var target))
        {
            throw new TooMuchException(
                _place(alias.Start)
                    .Problem("", $"'*{alias.Value}' refers to nothing before it", $"write '&{alias.Value}' first")
            );
        }

        Count(target.Size, alias.Start);
        return target;
    }

    private (ConfigNode Node, int Size) Remember(AnchorName anchor, (ConfigNode Node, int Size) node)
    {
        if (!anchor.IsEmpty)
        {
            _anchors[anchor] = node;
        }

        return node;
    }

    private void Count(int nodes, Mark at)
    {
        _nodes += nodes;
        if (_nodes > MaxNodes)
        {
            throw new TooMuchException(
                _place(at)
                    .Problem(
                        "",
                        $"the document grows beyond {MaxNodes} values here",
                        "write values out instead of aliases"
                    )
            );
        }
    }

    private static string FirstSentence(YamlException e)
    {
        var message = e.InnerException?.Message ?? e.Message;
        var end = message.IndexOfAny(['\n', '\r']);
        message = (end < 0 ? message : message[..end]).TrimEnd('.');
        return message.Length == 0 ? "it cannot be read" : char.ToLowerInvariant(message[0]) + message[1..];
    }

    private sealed class TooMuchException(Problem problem) : Exception(problem.Message)
    {
        public Problem Problem => problem;
    }
}
