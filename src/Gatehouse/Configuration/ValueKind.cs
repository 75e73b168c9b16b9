using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>What a setting's value may be: how it is read, written back, described to people and to editors.</summary>
internal abstract class ValueKind<T>
{
    /// <summary>For people: <c>port</c>, <c>duration</c>, <c>list of networks</c>.</summary>
    public abstract string Name { get; }

    /// <summary>True for a single text; a variable of another kind is read as YAML, or as texts with commas between.</summary>
    public virtual bool IsScalar => false;

    /// <summary>Reads it, or adds what is wrong.</summary>
    public abstract bool TryRead(ConfigNode node, string key, ICollection<Problem> problems, out T value);

    /// <summary>Writes it so that it can be read back.</summary>
    public abstract JsonNode? Write(T value);

    /// <summary>For editors.</summary>
    public abstract JsonObject Schema();

    /// <summary>Says that the node is of another shape.</summary>
    protected static bool WrongShape(ConfigNode node, string key, ICollection<Problem> problems, string fix)
    {
        var found = node switch
        {
            ConfigList => "a list",
            ConfigMap => "a section",
            ConfigScalar { IsNull: true } => "nothing",
            _ => "a single value",
        };
        problems.Add(node.Origin.Problem(key, $"{key} has {found} for its value", fix));
        return false;
    }
}

/// <summary>A value written as one text.</summary>
/// <param name="name">For people.</param>
/// <param name="fix">How it is written.</param>
/// <param name="parse">The value, or what is wrong and how to mend it (null for <paramref name="fix"/>).</param>
/// <param name="write">Back to JSON.</param>
/// <param name="schema">For editors.</param>
internal sealed class ScalarKind<T>(
    string name,
    string fix,
    Func<ConfigScalar, Parsed<T>> parse,
    Func<T, JsonNode?> write,
    Func<JsonObject> schema
) : ValueKind<T>
{
    public override string Name => name;

    public override bool IsScalar => true;

    public override bool TryRead(ConfigNode node, string key, ICollection<Problem> problems, out T value)
    {
        value = default!;
        if (node is not ConfigScalar { IsNull: false } scalar)
        {
            return WrongShape(node, key, problems, fix);
        }

        var parsed = parse(scalar);
        if (parsed.Fault is { } fault)
        {
            problems.Add(scalar.Origin.Problem(key, fault, parsed.Fix ?? fix));
            return false;
        }

        value = parsed.Value!;
        return true;
    }

    public override JsonNode? Write(T value) => write(value);

    public override JsonObject Schema() => schema();
}

/// <summary>A value, or what is wrong with the text.</summary>
internal readonly record struct Parsed<T>(T? Value, string? Fault = null, string? Fix = null)
{
    public static implicit operator Parsed<T>(T value) => new(value);
}

/// <summary>A list of values of one kind.</summary>
internal sealed class ListKind<T>(string name, string fix, ValueKind<T> item) : ValueKind<ImmutableArray<T>>
{
    public override string Name => name;

    public override bool TryRead(
        ConfigNode node,
        string key,
        ICollection<Problem> problems,
        out ImmutableArray<T> value
    )
    {
        value = [];
        if (node is not ConfigList list)
        {
            return WrongShape(node, key, problems, fix);
        }

        var values = ImmutableArray.CreateBuilder<T>();
        var good = true;
        for (var i = 0; i < list.Items.Length; i++)
        {
            if (item.TryRead(list.Items[i], $"{key}[{i}]", problems, out var one))
            {
                values.Add(one);
            }
            else
            {
                good = false;
            }
        }

        value = values.ToImmutable();
        return good;
    }

    public override JsonNode? Write(ImmutableArray<T> value) => new JsonArray([.. value.Select(item.Write)]);

    public override JsonObject Schema() => new() { ["type"] = "array", ["items"] = item.Schema() };
}

/// <summary>Free names with texts.</summary>
internal sealed class PropertiesKind : ValueKind<ImmutableSortedDictionary<string, string>>
{
    public override string Name => "map of texts";

    public override bool TryRead(
        ConfigNode node,
        string key,
        ICollection<Problem> problems,
        out ImmutableSortedDictionary<string, string> value
    )
    {
        value = ImmutableSortedDictionary<string, string>.Empty;
        if (node is not ConfigMap map)
        {
            return WrongShape(node, key, problems, "write 'name: value' lines below it");
        }

        var good = true;
        foreach (var entry in map.Entries)
        {
            if (entry.Value is ConfigScalar scalar)
            {
                value = value.SetItem(entry.Key, scalar.IsNull ? "" : scalar.Text);
            }
            else
            {
                good = WrongShape(entry.Value, $"{key}.{entry.Key}", problems, "write one text");
            }
        }

        return good;
    }

    public override JsonNode? Write(ImmutableSortedDictionary<string, string> value) =>
        new JsonObject(value.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value)));

    public override JsonObject Schema() =>
        new()
        {
            ["type"] = "object",
            ["additionalProperties"] = new JsonObject { ["type"] = new JsonArray("string", "number", "boolean") },
        };
}
