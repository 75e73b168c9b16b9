using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Changes single members of a JSON or YAML document in its text, so that comments, order and spelling of everything else stay
/// as their author wrote them. Members of what stands behind an alias, a merge or a reference are not changed: it would change
/// in other places too.
/// </summary>
internal sealed class DocumentEditor
{
    // New members of an operation go before what is long.
    private const string Long = "responses";

    private readonly bool _isJson;
    private readonly Dictionary<DocumentNode, Edits> _edits = [];
    private readonly string _newLine;

    // Of JSON one character a byte, which is the unit of its nodes' places.
    private readonly string _text;

    private DocumentEditor(string text, bool isJson, DocumentNode root)
    {
        _text = text;
        _isJson = isJson;
        _newLine = text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        Root = root;
    }

    /// <summary>The document as it was read; edits do not show in it.</summary>
    public DocumentNode Root { get; }

    /// <summary>Reads a document. Throws <see cref="DocumentException"/> when it cannot be read.</summary>
    public static DocumentEditor Open(ReadOnlyMemory<byte> text)
    {
        var root = DocumentReader.Read(text, out var isJson);
        var bytes = text.Span.StartsWith(Encoding.UTF8.Preamble)
            ? text.Span[Encoding.UTF8.Preamble.Length..]
            : text.Span;
        return new((isJson ? Encoding.Latin1 : Encoding.UTF8).GetString(bytes), isJson, root);
    }

    /// <summary>
    /// Sets what <paramref name="way"/> leads to, making the objects on the way that are not there; null removes the member.
    /// Of one new object only one member can be set before <see cref="Write"/>. False when the way leads through something that
    /// stands elsewhere in the document, or is no object.
    /// </summary>
    public bool TrySet(ReadOnlySpan<string> way, JsonNode? value)
    {
        DocumentMember? holder = null;
        var node = Root;
        for (var i = 0; i < way.Length; i++)
        {
            if (node.Kind == NodeKind.Null && holder is not null)
            {
                // 'components:' with nothing behind it.
                return value is null || _edits.TryAdd(node, new(holder) { Whole = Nest(way[i..], value) });
            }

            if (node.Kind != NodeKind.Object)
            {
                return false;
            }

            var member = node.Find(way[i]);
            if (member is null || i == way.Length - 1)
            {
                if (member is not null && !IsOwn(node, holder, member))
                {
                    return false;
                }

                if (value is not null || member is not null)
                {
                    EditsOf(node, holder).Changes[way[i]] = value is null ? null : Nest(way[(i + 1)..], value);
                }

                return true;
            }

            // What an alias stands for begins before it.
            if (!IsOwn(node, holder, member) || member.Value.Start < member.NameEnd)
            {
                return false;
            }

            (holder, node) = (member, member.Value);
        }

        return false;
    }

    /// <summary>The text with all edits.</summary>
    public byte[] Write()
    {
        var splices = new List<Splice>();
        foreach (var (node, edits) in _edits)
        {
            Collect(node, edits, splices);
        }

        var text = new StringBuilder(_text.Length + 256);
        var at = 0;
        foreach (var splice in splices.OrderBy(s => s.Start).ThenBy(s => s.End))
        {
            text.Append(_text, at, splice.Start - at).Append(splice.Text);
            at = splice.End;
        }

        text.Append(_text, at, _text.Length - at);
        return (_isJson ? Encoding.Latin1 : Encoding.UTF8).GetBytes(text.ToString());
    }

    private Edits EditsOf(DocumentNode node, DocumentMember? holder)
    {
        if (!_edits.TryGetValue(node, out var edits))
        {
            _edits[node] = edits = new(holder);
        }

        return edits;
    }

    // Members that a merge brings stand in another object.
    private static bool IsOwn(DocumentNode node, DocumentMember? holder, DocumentMember member) =>
        member.Start >= node.Start && (holder is null || member.Start < holder.End);

    private static JsonNode Nest(ReadOnlySpan<string> way, JsonNode value)
    {
        var nested = value.DeepClone();
        for (var i = way.Length - 1; i >= 0; i--)
        {
            nested = new JsonObject { [way[i]] = nested };
        }

        return nested;
    }

    private void Collect(DocumentNode node, Edits edits, List<Splice> splices)
    {
        if (edits.Whole is { } whole)
        {
            splices.Add(Value(edits.Holder!, whole));
            return;
        }

        var own = node.Members.Where(m => IsOwn(node, edits.Holder, m)).ToList();
        var added = edits.Changes.Where(c => c.Value is not null && own.All(m => m.Name != c.Key)).ToList();
        var kept = own.Where(m => !edits.Changes.TryGetValue(m.Name, out var value) || value is not null).ToList();
        if (kept.Count == 0 && edits.Holder is not null)
        {
            // An object without members is written as one: a name with nothing behind it would be null.
            splices.Add(
                Value(edits.Holder, new JsonObject(added.Select(a => KeyValuePair.Create(a.Key, a.Value?.DeepClone()))))
            );
            return;
        }

        foreach (var member in kept)
        {
            if (edits.Changes.TryGetValue(member.Name, out var value))
            {
                splices.Add(Value(member, value!));
            }
        }

        for (var i = 0; i < own.Count; i++)
        {
            if (!kept.Contains(own[i]))
            {
                splices.Add(node.IsFlow ? FlowRemoval(own, kept, ref i) : BlockRemoval(own, i));
            }
        }

        if (added.Count > 0)
        {
            var before = kept.Find(m => m.Name == Long) ?? kept[0];
            splices.Add(new(before.Start, before.Start, string.Concat(added.Select(a => Member(node, before, a)))));
        }
    }

    private string Member(DocumentNode node, DocumentMember before, KeyValuePair<string, JsonNode?> added)
    {
        if (!node.IsFlow)
        {
            return $"{FlowText.Of(added.Key, isYaml: true)}: {Text(added.Value!)}{_newLine}{new string(' ', before.Column - 1)}";
        }

        var space = before.Start;
        while (space > 0 && _text[space - 1] is ' ' or '\t' or '\r' or '\n')
        {
            space--;
        }

        var between = _text[space..before.Start];
        return $"{Name(added.Key)}: {Text(added.Value!)},{(between.Contains('\n', StringComparison.Ordinal) ? between : " ")}";
    }

    private Splice Value(DocumentMember member, JsonNode value)
    {
        var end = Trimmed(member);
        // From the name on: a block's value may begin on a line of its own, where text could not stand.
        return new(member.NameEnd, Math.Max(end, AfterColon(member)), $": {Text(value)}");
    }

    private int AfterColon(DocumentMember member) => _text.IndexOf(':', member.NameEnd) + 1;

    // Neighbours that go together are one piece: up to the next that stays, or from the last that does.
    private static Splice FlowRemoval(List<DocumentMember> own, List<DocumentMember> kept, ref int index)
    {
        var first = index;
        while (index + 1 < own.Count && !kept.Contains(own[index + 1]))
        {
            index++;
        }

        return index + 1 < own.Count
            ? new(own[first].Start, own[index + 1].Start, "")
            : new(own[first - 1].End, own[index].End, "");
    }

    private Splice BlockRemoval(List<DocumentMember> own, int index)
    {
        var member = own[index];
        var start = member.Start;
        while (start > 0 && _text[start - 1] == ' ')
        {
            start--;
        }

        if (start > 0 && _text[start - 1] is not ('\n' or '\r') && index + 1 < own.Count)
        {
            // The first of a list's item: '- name: …'.
            return new(member.Start, own[index + 1].Start, "");
        }

        var end = Math.Max(Trimmed(member), AfterColon(member));
        var line = _text.IndexOf('\n', end);
        return new(start, line < 0 ? _text.Length : line + 1, "");
    }

    // A block of text ends behind its last line's end.
    private int Trimmed(DocumentMember member)
    {
        var end = member.End;
        while (end > member.NameEnd && char.IsWhiteSpace(_text[end - 1]))
        {
            end--;
        }

        return end;
    }

    private string Text(JsonNode value) => Encoded(FlowText.Of(value, isYaml: !_isJson));

    private string Name(string name) => Encoded(FlowText.Of(name, isYaml: !_isJson));

    private string Encoded(string text) => _isJson ? Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text)) : text;

    private sealed record Splice(int Start, int End, string Text);

    /// <summary>What changes of one object.</summary>
    /// <param name="Holder">The member it is the value of; null for the root.</param>
    private sealed record Edits(DocumentMember? Holder)
    {
        /// <summary>By name; null for a member that goes.</summary>
        public Dictionary<string, JsonNode?> Changes { get; } = new(StringComparer.Ordinal);

        /// <summary>What takes the place of nothing.</summary>
        public JsonNode? Whole { get; init; }
    }
}
