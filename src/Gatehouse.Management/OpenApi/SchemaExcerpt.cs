using System.Text.Json.Nodes;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Copies schemas of a document without what does not decide (descriptions, examples, defaults), and gathers what they refer
/// to, at its place in the document, so that references go on meaning the same.
/// </summary>
internal sealed class SchemaExcerpt(DocumentNode root)
{
    private static readonly HashSet<string> s_one =
    [
        "not",
        "if",
        "then",
        "else",
        "contains",
        "items",
        "additionalProperties",
        "additionalItems",
        "propertyNames",
        "unevaluatedProperties",
        "unevaluatedItems",
    ];
    private static readonly HashSet<string> s_lists = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
    private static readonly HashSet<string> s_maps =
    [
        "properties",
        "patternProperties",
        "$defs",
        "definitions",
        "dependentSchemas",
        "dependencies",
    ];
    private static readonly HashSet<string> s_plain =
    [
        "$id",
        "$ref",
        "$anchor",
        "$dynamicRef",
        "$dynamicAnchor",
        "type",
        "nullable",
        "x-nullable",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "required",
        "dependentRequired",
        "readOnly",
        "writeOnly",
    ];

    private readonly Dictionary<string, JsonNode?> _gathered = new(StringComparer.Ordinal);
    private readonly Queue<(string Pointer, DocumentNode Node)> _open = [];

    /// <summary>The schema, cut down.</summary>
    /// <param name="schema">Where it stands.</param>
    /// <param name="ofParameter">True for a parameter of 2.0, which has the keywords of a schema among its own.</param>
    public JsonNode? Of(DocumentNode schema, bool ofParameter = false)
    {
        if (schema.Kind != NodeKind.Object)
        {
            return PolicyReader.ToJson(schema);
        }

        var copy = new JsonObject();
        foreach (var member in schema.Members)
        {
            var (name, value) = (member.Name, member.Value);
            if (ofParameter && name == "required")
            {
                continue;
            }

            if (s_maps.Contains(name) && value.Kind == NodeKind.Object)
            {
                copy[name] = new JsonObject(value.Members.Select(m => KeyValuePair.Create(m.Name, Of(m.Value))));
            }
            else if (s_lists.Contains(name) && value.Kind == NodeKind.Array)
            {
                copy[name] = new JsonArray([.. value.Items.Select(i => Of(i))]);
            }
            else if (s_one.Contains(name))
            {
                copy[name] = Of(value);
            }
            else if (name == "$ref" && value.Kind == NodeKind.String)
            {
                copy[name] = Gather(value.Text);
            }
            else if (name == "const")
            {
                // An entity has no null members; a list may hold null.
                copy["enum"] = new JsonArray(PolicyReader.ToJson(value));
            }
            else if (s_plain.Contains(name))
            {
                copy[name] = PolicyReader.ToJson(value);
            }
        }

        return copy;
    }

    /// <summary>What was referred to, and what that refers to.</summary>
    public JsonObject Document()
    {
        while (_open.TryDequeue(out var next))
        {
            _gathered[next.Pointer] = Of(next.Node);
        }

        var document = new JsonObject();
        foreach (var (pointer, schema) in _gathered.OrderBy(g => g.Key.Length))
        {
            Put(document, pointer, schema);
        }

        return document;
    }

    private string Gather(string reference)
    {
        if (!reference.StartsWith('#'))
        {
            return reference;
        }

        var pointer = Uri.UnescapeDataString(reference[1..]);
        if (pointer is not ("" or ['/', ..]))
        {
            // 3.1: a name that a schema of the components has given itself.
            var named = root["components"]
                ?["schemas"]?.Members.FirstOrDefault(s => s.Value["$anchor"]?.Text == pointer);
            if (named is null)
            {
                return reference;
            }

            pointer =
                $"/components/schemas/{named.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
        }

        if (!_gathered.ContainsKey(pointer) && JsonPointer.Find(root, pointer) is { } target)
        {
            _gathered.Add(pointer, null);
            _open.Enqueue((pointer, target));
        }

        return reference;
    }

    // Shorter pointers come first: what lies inside of something gathered is there already.
    private static void Put(JsonObject document, string pointer, JsonNode? schema)
    {
        var node = document;
        var parts = pointer
            .Split('/')
            .Skip(1)
            .Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))
            .ToList();
        for (var i = 0; i < parts.Count - 1; i++)
        {
            if (node[parts[i]] is null)
            {
                node[parts[i]] = new JsonObject();
            }

            if (node[parts[i]] is not JsonObject next)
            {
                return;
            }

            node = next;
        }

        if (parts.Count > 0 && node[parts[^1]] is null)
        {
            node[parts[^1]] = schema;
        }
    }
}
