namespace Gatehouse.Management.OpenApi;

/// <summary>What a <see cref="DocumentNode"/> is.</summary>
internal enum NodeKind
{
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

/// <summary>
/// One value of a JSON or YAML document and where it stands, so that every problem can name its line. A YAML alias makes the
/// same node occur in several places; it never makes a cycle.
/// </summary>
internal sealed class DocumentNode
{
    // Below this, looking along the list beats hashing.
    private const int SmallObject = 12;

    private Dictionary<string, DocumentMember>? _index;

    private DocumentNode(NodeKind kind, int line, int column)
    {
        Kind = kind;
        Line = line;
        Column = column;
    }

    public NodeKind Kind { get; }

    /// <summary>1-based.</summary>
    public int Line { get; }

    /// <summary>1-based, in characters.</summary>
    public int Column { get; }

    /// <summary>The text of a scalar, as it was written; empty for anything else.</summary>
    public string Text { get; private init; } = "";

    public IReadOnlyList<DocumentMember> Members { get; private init; } = [];

    public IReadOnlyList<DocumentNode> Items { get; private init; } = [];

    /// <summary>How many nodes a walk over this one visits, itself included.</summary>
    public long Size { get; private init; } = 1;

    /// <summary>Where it begins in the text, in the reader's unit: bytes of JSON, characters of YAML.</summary>
    public int Start { get; init; }

    /// <summary>True for what stands in brackets or braces, as all of JSON does; false for a block of YAML.</summary>
    public bool IsFlow { get; init; }

    /// <summary>The member of that name; null when there is none or this is no object.</summary>
    public DocumentNode? this[string name] => Find(name)?.Value;

    public DocumentMember? Find(string name)
    {
        if (Members.Count > SmallObject)
        {
            _index ??= Members.ToDictionary(m => m.Name, StringComparer.Ordinal);
            return _index.GetValueOrDefault(name);
        }

        foreach (var member in Members)
        {
            if (member.Name == name)
            {
                return member;
            }
        }

        return null;
    }

    public static DocumentNode Object(
        IReadOnlyList<DocumentMember> members,
        int line,
        int column,
        int start,
        bool isFlow
    ) =>
        new(NodeKind.Object, line, column)
        {
            Members = members,
            Size = 1 + members.Sum(m => m.Value.Size),
            Start = start,
            IsFlow = isFlow,
        };

    public static DocumentNode Array(IReadOnlyList<DocumentNode> items, int line, int column, int start) =>
        new(NodeKind.Array, line, column)
        {
            Items = items,
            Size = 1 + items.Sum(i => i.Size),
            Start = start,
        };

    public static DocumentNode Scalar(NodeKind kind, string text, int line, int column, int start) =>
        new(kind, line, column) { Text = text, Start = start };
}

/// <summary>A member of an object, with the place of its name.</summary>
internal sealed record DocumentMember(string Name, DocumentNode Value, int Line, int Column)
{
    /// <summary>Where its name begins in the text, in the unit of <see cref="DocumentNode.Start"/>.</summary>
    public int Start { get; init; }

    /// <summary>Behind the last character of its name.</summary>
    public int NameEnd { get; init; }

    /// <summary>Behind the last character of its value.</summary>
    public int End { get; init; }
}
