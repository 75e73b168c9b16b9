using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>
/// Schemas that refer to each other, made ready together. Nothing is fetched: what they refer to has been added or is a
/// problem. Not safe for several threads; the schemas it makes are.
/// </summary>
public sealed class JsonSchemaSet
{
    /// <summary>Far above what fits into one entity; what references make of it is bounded by this too.</summary>
    private const int MostNodes = 50_000;

    private readonly Dictionary<string, SchemaResource> _resources = new(StringComparer.Ordinal);
    private readonly Dictionary<(SchemaResource, string), SchemaResource> _inside = [];
    private readonly Dictionary<(SchemaResource, string), SchemaNode> _nodes = [];
    private readonly Dictionary<string, SchemaPattern> _patterns = new(StringComparer.Ordinal);
    private readonly Queue<(SchemaPlace Place, SchemaNode Node)> _open = [];
    private readonly SchemaReader _reader;
    private readonly JsonSchemaDialect _dialect;
    private int _inline;

    /// <param name="dialect">By which rules they are read.</param>
    /// <param name="use">Which way values travel.</param>
    public JsonSchemaSet(JsonSchemaDialect dialect, JsonSchemaUse use = JsonSchemaUse.Any)
    {
        _dialect = dialect;
        _reader = new(this, dialect, use);
    }

    /// <summary>Adds a schema document under a URI.</summary>
    /// <param name="uri">Absolute, without fragment.</param>
    /// <param name="schema">The document.</param>
    public void Add(string uri, JsonElement schema)
    {
        var resource = new SchemaResource(Combine("", uri), schema);
        _resources[resource.Uri] = resource;
        Readable(() => Scan(new(resource, "", schema)));
    }

    /// <summary>
    /// Adds a document that is no schema and has some in it, as an OpenAPI document has below
    /// <c>/components/schemas</c> and <c>/definitions</c>. References lead to any place of it.
    /// </summary>
    /// <param name="uri">Absolute, without fragment.</param>
    /// <param name="document">The document.</param>
    public void AddDocument(string uri, JsonElement document)
    {
        var resource = new SchemaResource(uri, document);
        _resources[uri] = resource;
        Readable(() => ScanDocument(resource));
    }

    private void ScanDocument(SchemaResource resource)
    {
        foreach (var way in (string[])["/components/schemas", "/definitions"])
        {
            if (TryWalk(resource, way, out var found) && found.Element.ValueKind == JsonValueKind.Object)
            {
                foreach (var schema in found.Element.EnumerateObject())
                {
                    Scan(found.Below(schema.Name, schema.Value));
                }
            }
        }
    }

    /// <summary>The schema at a URI, perhaps with a fragment. Throws <see cref="JsonSchemaException"/> when it cannot be used.</summary>
    public JsonSchema At(string uri)
    {
        JsonSchema? made = null;
        Readable(() => made = Ready(Resolve(new(new("", default), "", default), uri)));
        return made!;
    }

    /// <summary>A schema that stands outside of the documents; its references are relative to one of them. Throws <see cref="JsonSchemaException"/>.</summary>
    /// <param name="document">That document's URI.</param>
    /// <param name="schema">The schema.</param>
    public JsonSchema Of(string document, JsonElement schema)
    {
        var pointer = string.Create(CultureInfo.InvariantCulture, $"!{_inline++}");
        var place = new SchemaPlace(_resources[document], pointer, schema);
        JsonSchema? made = null;
        Readable(() =>
        {
            Scan(place);
            made = Ready(place);
        });
        return made!;
    }

    // System.Text.Json takes bytes that are no UTF-8, and half a surrogate pair, for JSON and then cannot give the text.
    private static void Readable(Action read)
    {
        try
        {
            read();
        }
        catch (InvalidOperationException)
        {
            throw new JsonSchemaException("", "The schema holds text that is no Unicode.");
        }
    }

    private JsonSchema Ready(SchemaPlace place)
    {
        var node = NodeAt(place);
        while (_open.TryDequeue(out var next))
        {
            _reader.Read(next.Place, next.Node);
        }

        return new(node);
    }

    /// <summary>The node of a place; read later, so that a long chain of references needs no deep stack.</summary>
    internal SchemaNode NodeAt(SchemaPlace place)
    {
        if (_inside.TryGetValue((place.Resource, place.Pointer), out var own))
        {
            place = new(own, "", place.Element);
        }

        var key = (place.Resource, place.Pointer);
        if (!_nodes.TryGetValue(key, out var node))
        {
            if (_nodes.Count >= MostNodes)
            {
                throw new JsonSchemaException(place.ToString(), $"There are more than {MostNodes} schemas");
            }

            node = new(place.Resource);
            _nodes.Add(key, node);
            _open.Enqueue((place, node));
        }

        return node;
    }

    /// <summary>Where a reference leads. Throws when that is nowhere.</summary>
    internal SchemaPlace Resolve(SchemaPlace from, string reference)
    {
        var hash = reference.IndexOf('#', StringComparison.Ordinal);
        var uri = hash < 0 ? reference : reference[..hash];
        var fragment = hash < 0 ? "" : Uri.UnescapeDataString(reference[(hash + 1)..]);
        var resource = uri.Length == 0 ? from.Resource : Find(Combine(from.Resource.Uri, uri));
        if (resource is not null)
        {
            if (fragment.Length > 0 && fragment[0] != '/')
            {
                return
                    resource.Anchors.TryGetValue(fragment, out var pointer) && TryWalk(resource, pointer, out var named)
                    ? named
                    : throw Nowhere(from, reference);
            }

            if (TryWalk(resource, fragment, out var found))
            {
                return found;
            }
        }

        throw Nowhere(from, reference);
    }

    /// <summary>Every resource that has a dynamic anchor of that name.</summary>
    internal IEnumerable<(SchemaResource Resource, SchemaPlace Place)> DynamicAnchors(string name)
    {
        foreach (var resource in _resources.Values.Distinct())
        {
            if (resource.DynamicAnchors.Contains(name) && TryWalk(resource, resource.Anchors[name], out var place))
            {
                yield return (resource, place);
            }
        }
    }

    internal SchemaPattern Pattern(string text)
    {
        if (!_patterns.TryGetValue(text, out var pattern))
        {
            pattern = SchemaPattern.Of(text);
            _patterns.Add(text, pattern);
        }

        return pattern;
    }

    private SchemaResource? Find(string uri) => _resources.GetValueOrDefault(uri);

    private static JsonSchemaException Nowhere(SchemaPlace from, string reference) =>
        new(
            from.ToString(),
            $"The reference '{(reference.Length > 80 ? $"{reference[..80]}…" : reference)}' leads to nothing that is known here"
        );

    private bool TryWalk(SchemaResource resource, string pointer, [NotNullWhen(true)] out SchemaPlace place)
    {
        place = new(resource, "", resource.Root);
        if (pointer.StartsWith('!'))
        {
            return false;
        }

        foreach (var part in pointer.Split('/').Skip(1))
        {
            var name = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            var element = place.Element;
            if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var member))
            {
                place = place.Below(name, member);
            }
            else if (
                element.ValueKind == JsonValueKind.Array
                && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && index < element.GetArrayLength()
            )
            {
                place = place.Below(index, element[index]);
            }
            else
            {
                return false;
            }

            if (_inside.TryGetValue((place.Resource, place.Pointer), out var own))
            {
                place = new(own, "", place.Element);
            }
        }

        return true;
    }

    // Finds what has a URI or a name of its own, where schemas may stand: an "$id" among values is none.
    private void Scan(SchemaPlace place)
    {
        if (place.Element.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        place = Named(place);
        foreach (var (child, _) in SchemaReader.Children(place))
        {
            Scan(child);
        }
    }

    private SchemaPlace Named(SchemaPlace place)
    {
        var schema = place.Element;
        var isOld = _dialect != JsonSchemaDialect.Draft202012;
        if (
            schema.TryGetProperty(isOld ? "id" : "$id", out var id)
            && id.ValueKind == JsonValueKind.String
            && !(isOld && schema.TryGetProperty("$ref", out _))
            && _dialect != JsonSchemaDialect.OpenApi3
        )
        {
            var text = id.GetString()!;
            var hash = text.IndexOf('#', StringComparison.Ordinal);
            var fragment = hash < 0 ? "" : text[(hash + 1)..];
            if (hash == 0 && fragment.Length > 0)
            {
                place.Resource.Anchors[fragment] = place.Pointer;
            }
            else
            {
                var uri = Combine(place.Resource.Uri, hash < 0 ? text : text[..hash]);
                var own = place.Pointer.Length == 0 && place.Resource.Uri == uri ? place.Resource : new(uri, schema);
                _inside[(place.Resource, place.Pointer)] = own;
                _resources[uri] = own;
                place = new(own, "", schema);
                if (fragment.Length > 0)
                {
                    own.Anchors[fragment] = "";
                }
            }
        }

        if (!isOld)
        {
            if (schema.TryGetProperty("$anchor", out var anchor) && anchor.ValueKind == JsonValueKind.String)
            {
                place.Resource.Anchors[anchor.GetString()!] = place.Pointer;
            }

            if (schema.TryGetProperty("$dynamicAnchor", out var name) && name.ValueKind == JsonValueKind.String)
            {
                place.Resource.Anchors[name.GetString()!] = place.Pointer;
                place.Resource.DynamicAnchors.Add(name.GetString()!);
            }
        }

        return place;
    }

    // RFC 3986 §5.2. A text like "/a" is a file for the runtime, so a scheme is looked for first.
    private static string Combine(string baseUri, string reference)
    {
        var end = reference.IndexOfAny([':', '/', '?']);
        var hasScheme = end > 0 && reference[end] == ':';
        if (hasScheme)
        {
            return Uri.TryCreate(reference, UriKind.Absolute, out var absolute) ? absolute.AbsoluteUri : reference;
        }

        return
            Uri.TryCreate(baseUri, UriKind.Absolute, out var root) && Uri.TryCreate(root, reference, out var combined)
            ? combined.AbsoluteUri
            : reference;
    }
}
