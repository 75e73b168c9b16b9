using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>A piece of a YAML or JSON document with its place.</summary>
internal abstract record DataNode(Place Place)
{
    /// <summary>A member of a map; null when there is none, or this is no map.</summary>
    public DataNode? this[string name] =>
        this is DataMap map ? map.Members.FirstOrDefault(m => m.Name == name).Value : null;

    /// <summary>The text of a scalar that is not empty; null for anything else.</summary>
    public string? Text => this is DataScalar { IsNull: false, Value.Length: > 0 } scalar ? scalar.Value : null;

    /// <summary>The items of a list; none for anything else.</summary>
    public ImmutableArray<DataNode> Items => this is DataList list ? list.All : [];

    /// <summary>The members of a map; none for anything else.</summary>
    public ImmutableArray<(string Name, Place Place, DataNode Value)> Members => this is DataMap map ? map.All : [];

    /// <summary>As JSON, with YAML's rules for what is a number.</summary>
    public abstract JsonNode? ToJson();
}

/// <summary>A text, number, boolean or nothing.</summary>
internal sealed record DataScalar(string Value, bool Quoted, Place Place) : DataNode(Place)
{
    public bool IsNull => !Quoted && Value is "" or "null" or "~";

    public override JsonNode? ToJson() =>
        IsNull ? null
        : Quoted ? Value
        : Value is "true" or "True" ? true
        : Value is "false" or "False" ? false
        : long.TryParse(Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole
        : double.TryParse(Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && double.IsFinite(number)
            ? number
        : Value;
}

/// <summary>A list.</summary>
internal sealed record DataList(ImmutableArray<DataNode> All, Place Place) : DataNode(Place)
{
    public override JsonNode ToJson() => new JsonArray([.. All.Select(i => i.ToJson())]);
}

/// <summary>Names with values.</summary>
internal sealed record DataMap(ImmutableArray<(string Name, Place Place, DataNode Value)> All, Place Place)
    : DataNode(Place)
{
    public override JsonNode ToJson()
    {
        var json = new JsonObject();
        foreach (var (name, _, value) in All)
        {
            json[name] = value.ToJson();
        }

        return json;
    }
}
