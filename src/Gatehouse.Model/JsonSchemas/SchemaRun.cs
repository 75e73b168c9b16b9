using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Gatehouse.Model;

/// <summary>One check of one value: where it is, what was found, and how much work is left.</summary>
internal sealed class SchemaRun(long work, bool formats)
{
    /// <summary>Errors that are told; the first ones found.</summary>
    public const int MostErrors = 8;

    /// <summary>Schemas inside each other, in the schema or in the value.</summary>
    private const int MostDepth = 512;

    private const int LongestPointer = 200;

    private readonly List<Step> _way = [];
    private readonly List<SchemaResource> _scope = [];
    private ImmutableArray<JsonSchemaError> _errors = [];
    private long _work = work;
    private int _depth;
    private int _trials;

    public ImmutableArray<JsonSchemaError> Errors => _errors;

    public bool ChecksFormats => formats;

    /// <summary>True when further errors would not be told.</summary>
    public bool StopsAtFirst => _trials > 0 || _errors.Length >= MostErrors || IsSpent;

    /// <summary>True when the check has cost too much; whatever comes is refused.</summary>
    public bool IsSpent { get; private set; }

    /// <summary>Pays for something. False when there is nothing left to pay with.</summary>
    public bool Spend(long units)
    {
        _work -= units;
        if (_work < 0 && !IsSpent)
        {
            GiveUp("takes more work to check than its size allows");
        }

        return !IsSpent;
    }

    /// <summary>Ends the check: nothing that is found later counts.</summary>
    public void GiveUp(string message)
    {
        IsSpent = true;
        _errors = [new(Pointer(), message)];
    }

    /// <summary>Goes into a schema. False when that is one too many.</summary>
    public bool Enter(SchemaResource resource, out bool isNew)
    {
        isNew = _scope.Count == 0 || !ReferenceEquals(_scope[^1], resource);
        if (isNew)
        {
            _scope.Add(resource);
        }

        if (++_depth > MostDepth && !IsSpent)
        {
            GiveUp("is nested too deep to be checked");
        }

        return Spend(1);
    }

    public void Leave(bool isNew)
    {
        _depth--;
        if (isNew)
        {
            _scope.RemoveAt(_scope.Count - 1);
        }
    }

    /// <summary>What a dynamic reference means here: the outermost schema resource on the way that has it.</summary>
    public SchemaNode? Outermost(Dictionary<SchemaResource, SchemaNode> anchors)
    {
        foreach (var resource in _scope)
        {
            if (anchors.TryGetValue(resource, out var node))
            {
                return node;
            }
        }

        return null;
    }

    public void Down(string name) => _way.Add(new(name, 0));

    public void Down(int index) => _way.Add(new(null, index));

    public void Up() => _way.RemoveAt(_way.Count - 1);

    /// <summary>Begins to try something whose failure is no error.</summary>
    public void BeginTrial() => _trials++;

    public void EndTrial() => _trials--;

    /// <summary>Notes an error. Always false, as the result of the check that found it.</summary>
    public bool Fail(string message)
    {
        if (!StopsAtFirst)
        {
            _errors = _errors.Add(new(Pointer(), message));
        }

        return false;
    }

    private string Pointer()
    {
        var pointer = new StringBuilder();
        foreach (var (name, index) in _way)
        {
            pointer.Append('/');
            if (name is null)
            {
                pointer.Append(CultureInfo.InvariantCulture, $"{index}");
            }
            else
            {
                pointer.Append(
                    name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)
                );
            }

            if (pointer.Length > LongestPointer)
            {
                return $"{pointer.ToString(0, LongestPointer)}…";
            }
        }

        return pointer.ToString();
    }

    private readonly record struct Step(string? Name, int Index);
}

/// <summary>Which members and items of one value some schema has looked at, for <c>unevaluatedProperties</c> and <c>unevaluatedItems</c>.</summary>
internal sealed class SchemaMarks
{
    private HashSet<string>? _names;
    private HashSet<int>? _items;
    private bool _allNames;
    private bool _allItems;

    public bool Has(string name) => _allNames || _names?.Contains(name) == true;

    public bool Has(int item) => _allItems || _items?.Contains(item) == true;

    public void Add(string name) => (_names ??= new(StringComparer.Ordinal)).Add(name);

    public void Add(int item) => (_items ??= []).Add(item);

    public void AddAllNames() => _allNames = true;

    public void AddAllItems() => _allItems = true;

    public void Add(SchemaMarks other)
    {
        _allNames |= other._allNames;
        _allItems |= other._allItems;
        if (other._names is not null)
        {
            (_names ??= new(StringComparer.Ordinal)).UnionWith(other._names);
        }

        if (other._items is not null)
        {
            (_items ??= []).UnionWith(other._items);
        }
    }
}
