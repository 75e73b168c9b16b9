namespace Gatehouse.Management.OpenApi;

/// <summary>The members of one object while it is read; refuses a name that is there already.</summary>
internal sealed class MemberList
{
    private const int SmallObject = 12;

    private readonly List<DocumentMember> _members = [];
    private Dictionary<string, DocumentMember>? _names;

    public IReadOnlyList<DocumentMember> Members => _members;

    public DocumentMember? Find(string name) =>
        _names is not null ? _names.GetValueOrDefault(name) : _members.Find(m => m.Name == name);

    public void Add(DocumentMember member)
    {
        if (Find(member.Name) is { } first)
        {
            throw new DocumentException(
                $"'{Excerpt.Of(member.Name)}' occurs twice in one object; the first is on line {first.Line}",
                member.Line,
                member.Column,
                "remove one of them"
            );
        }

        _members.Add(member);
        if (_members.Count > SmallObject)
        {
            _names ??= _members.ToDictionary(m => m.Name, StringComparer.Ordinal);
            _names.TryAdd(member.Name, member);
        }
    }
}
