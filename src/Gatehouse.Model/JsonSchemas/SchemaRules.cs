using System.Collections.Frozen;
using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>What a schema asks of numbers.</summary>
internal sealed record NumberRules(
    SchemaNumber? Least,
    SchemaNumber? Most,
    SchemaNumber? Above,
    SchemaNumber? Below,
    SchemaNumber? MultipleOf,
    string? Format
)
{
    public bool Check(JsonElement value, SchemaRun run)
    {
        var number = SchemaNumber.Of(value);
        return (Least is not { } least || number.CompareTo(least) >= 0 || run.Fail("is less than the minimum"))
            && (Most is not { } most || number.CompareTo(most) <= 0 || run.Fail("is more than the maximum"))
            && (Above is not { } above || number.CompareTo(above) > 0 || run.Fail("is not above the minimum"))
            && (Below is not { } below || number.CompareTo(below) < 0 || run.Fail("is not below the maximum"))
            && (MultipleOf is not { } step || number.IsMultipleOf(step) || run.Fail("is not a multiple of its step"))
            && (
                Format is null
                || !run.ChecksFormats
                || SchemaFormats.Fits(Format, value)
                || run.Fail($"is not of format {Format}")
            );
    }
}

/// <summary>What a schema asks of strings. Lengths are in characters as Unicode counts them.</summary>
internal sealed record TextRules(long? Shortest, long? Longest, SchemaPattern? Pattern, string? Format)
{
    public bool Check(JsonElement value, SchemaRun run)
    {
        var text = value.GetString()!;
        if (Shortest is not null || Longest is not null)
        {
            var length = text.Length - text.AsSpan().CountLowSurrogates();
            if (length < Shortest)
            {
                return run.Fail($"is shorter than {Shortest}");
            }

            if (length > Longest)
            {
                return run.Fail($"is longer than {Longest}");
            }
        }

        return (Pattern is null || Pattern.Matches(text, run) || run.Fail("does not match the pattern"))
            && (
                Format is null
                || !run.ChecksFormats
                || SchemaFormats.Fits(Format, text)
                || run.Fail($"is not of format {Format}")
            );
    }
}

/// <summary>What a schema asks of arrays.</summary>
internal sealed record ArrayRules(
    SchemaNode[] First,
    SchemaNode? Items,
    SchemaNode? Contains,
    long LeastContained,
    long? MostContained,
    long? Least,
    long? Most,
    bool AllDiffer
)
{
    public bool Check(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        var length = value.GetArrayLength();
        if (length < Least)
        {
            return run.Fail($"has fewer than {Least} items");
        }

        if (length > Most)
        {
            return run.Fail($"has more than {Most} items");
        }

        var fits = CheckItems(value, run, marks);
        if (AllDiffer && !SchemaEquality.AllDiffer(value, run))
        {
            fits = run.Fail("has equal items");
        }

        return CheckContained(value, run, marks) && fits;
    }

    private bool CheckItems(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        if (First.Length == 0 && Items is null)
        {
            return true;
        }

        var (fits, index) = (true, 0);
        foreach (var item in value.EnumerateArray())
        {
            if ((index < First.Length ? First[index] : Items) is { } node)
            {
                run.Down(index);
                var one = node.Check(item, run, null);
                run.Up();
                fits &= one;
                if (!one && run.StopsAtFirst)
                {
                    return false;
                }

                marks?.Add(index);
            }

            index++;
        }

        return fits;
    }

    private bool CheckContained(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        if (Contains is null)
        {
            return true;
        }

        var (count, index) = (0L, 0);
        foreach (var item in value.EnumerateArray())
        {
            if (SchemaNode.Fits(Contains, item, run, null))
            {
                count++;
                marks?.Add(index);
            }

            index++;
        }

        return count < LeastContained ? run.Fail($"has fewer than {LeastContained} items of the kind asked for")
            : count > MostContained ? run.Fail($"has more than {MostContained} items of the kind asked for")
            : true;
    }
}

/// <summary>What a schema asks of objects.</summary>
internal sealed class ObjectRules
{
    private readonly FrozenDictionary<string, SchemaNode> _members;
    private readonly string[] _required;

    public ObjectRules(IReadOnlyDictionary<string, SchemaNode> members, string[] required)
    {
        _members = members.ToFrozenDictionary(StringComparer.Ordinal);
        _required = required;
    }

    public (SchemaPattern Pattern, SchemaNode Node)[] ByPattern { get; init; } = [];

    public SchemaNode? Others { get; init; }

    public SchemaNode? NameRules { get; init; }

    public long? Least { get; init; }

    public long? Most { get; init; }

    public (string Name, string[] Asks)[] AskedBeside { get; init; } = [];

    public (string Name, SchemaNode Node)[] CheckedBeside { get; init; } = [];

    public IEnumerable<string> Names => _members.Keys;

    public SchemaNode? Member(string name) => _members.GetValueOrDefault(name);

    public bool Check(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        var fits = CheckMembers(value, run, marks, out var count);
        if (!fits && run.StopsAtFirst)
        {
            return false;
        }

        foreach (var name in _required)
        {
            if (run.Spend(1) && !value.TryGetProperty(name, out _))
            {
                fits = run.Fail($"has no member '{name}'");
            }
        }

        if (count < Least)
        {
            fits = run.Fail($"has fewer than {Least} members");
        }

        if (count > Most)
        {
            fits = run.Fail($"has more than {Most} members");
        }

        foreach (var (name, asks) in AskedBeside)
        {
            if (
                value.TryGetProperty(name, out _) && asks.FirstOrDefault(a => !value.TryGetProperty(a, out _)) is { } no
            )
            {
                fits = run.Fail($"has '{name}' and no member '{no}'");
            }
        }

        foreach (var (name, node) in CheckedBeside)
        {
            if (value.TryGetProperty(name, out _))
            {
                fits &= node.Check(value, run, marks);
            }
        }

        return fits;
    }

    private bool CheckMembers(JsonElement value, SchemaRun run, SchemaMarks? marks, out int count)
    {
        var fits = true;
        count = 0;
        foreach (var member in value.EnumerateObject())
        {
            count++;
            var name = member.Name;
            if (!run.Spend(1) || !CheckMember(name, member.Value, run, marks))
            {
                fits = false;
                if (run.StopsAtFirst)
                {
                    return false;
                }
            }
        }

        return fits;
    }

    private bool CheckMember(string name, JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        var (fits, known) = (true, false);
        run.Down(name);
        if (_members.TryGetValue(name, out var own))
        {
            known = true;
            fits = own.Check(value, run, null);
        }

        foreach (var (pattern, node) in ByPattern)
        {
            if (pattern.Matches(name, run))
            {
                known = true;
                fits &= node.Check(value, run, null);
            }
        }

        if (!known && Others is not null)
        {
            known = true;
            fits &= Others.Check(value, run, null);
        }

        if (NameRules is not null && !SchemaNode.Fits(NameRules, SchemaEquality.Text(name), run, null))
        {
            fits = run.Fail("has a name that is not allowed");
        }

        run.Up();
        if (known)
        {
            marks?.Add(name);
        }

        return fits;
    }
}

/// <summary>Equality of JSON values, as JSON Schema means it: numbers by value, objects whatever their order.</summary>
internal static class SchemaEquality
{
    private const int FewItems = 6;

    public static JsonElement Text(string text) => JsonSerializer.SerializeToElement(text, SchemaText.Default.String);

    /// <summary>True when no two items are equal. Compares only items whose hash is the same.</summary>
    public static bool AllDiffer(JsonElement array, SchemaRun run)
    {
        if (array.GetArrayLength() < 2)
        {
            return true;
        }

        var seen = new Dictionary<int, List<JsonElement>>();
        var hashes = array.GetArrayLength() > FewItems;
        foreach (var item in array.EnumerateArray())
        {
            var hash = hashes ? HashOf(item, run) : (int)item.ValueKind;
            if (!seen.TryGetValue(hash, out var alike))
            {
                seen.Add(hash, [item]);
                continue;
            }

            foreach (var other in alike)
            {
                if (!run.Spend(1))
                {
                    return true;
                }

                if (JsonElement.DeepEquals(item, other))
                {
                    return false;
                }
            }

            alike.Add(item);
        }

        return true;
    }

    // Covers all of the value, and strings hash by a key of this process: nobody can make many unlike values alike cheaply.
    private static int HashOf(JsonElement value, SchemaRun run)
    {
        run.Spend(1);
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                return value.GetString()!.GetHashCode(StringComparison.Ordinal);
            case JsonValueKind.Number:
                return value.TryGetDouble(out var number) ? number.GetHashCode() : 7;
            case JsonValueKind.Array:
                var ordered = new HashCode();
                foreach (var item in value.EnumerateArray())
                {
                    ordered.Add(HashOf(item, run));
                }

                return ordered.ToHashCode();
            case JsonValueKind.Object:
                var sum = 17;
                foreach (var member in value.EnumerateObject())
                {
                    sum += HashCode.Combine(member.Name, HashOf(member.Value, run));
                }

                return sum;
            default:
                return (int)value.ValueKind;
        }
    }

    public static int CountLowSurrogates(this ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var c in text)
        {
            count += char.IsLowSurrogate(c) ? 1 : 0;
        }

        return count;
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class SchemaText : System.Text.Json.Serialization.JsonSerializerContext;
