using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>A schema document, or a part of one with a URI of its own (2020-12 §4.3.5), and the places in it that have names.</summary>
internal sealed class SchemaResource(string uri, JsonElement root)
{
    /// <summary>Absolute, without fragment; what references in it are relative to.</summary>
    public string Uri => uri;

    public JsonElement Root => root;

    /// <summary>Names and the pointers they stand for.</summary>
    public Dictionary<string, string> Anchors { get; } = new(StringComparer.Ordinal);

    /// <summary>Those of <see cref="Anchors"/> that a dynamic reference may mean.</summary>
    public HashSet<string> DynamicAnchors { get; } = new(StringComparer.Ordinal);
}

/// <summary>A place of a schema: where it is and what is written there.</summary>
internal readonly record struct SchemaPlace(SchemaResource Resource, string Pointer, JsonElement Element)
{
    /// <summary>As messages name it.</summary>
    public override string ToString() => Resource.Uri.Length == 0 ? Pointer : $"{Resource.Uri}#{Pointer}";

    public SchemaPlace Below(string name, JsonElement element) =>
        new(
            Resource,
            $"{Pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}",
            element
        );

    public SchemaPlace Below(int index, JsonElement element) =>
        new(Resource, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Pointer}/{index}"), element);
}
