using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>Reads the keywords of schemas (2020-12: core and validation; draft 4) into nodes. Keywords that are not known say nothing.</summary>
internal sealed class SchemaReader(JsonSchemaSet set, JsonSchemaDialect dialect, JsonSchemaUse use)
{
    private static readonly string[] s_one =
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
        "contentSchema",
    ];
    private static readonly string[] s_lists = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
    private static readonly string[] s_maps =
    [
        "properties",
        "patternProperties",
        "$defs",
        "definitions",
        "dependentSchemas",
        "dependencies",
    ];

    private bool IsOld => dialect != JsonSchemaDialect.Draft202012;

    /// <summary>The schemas directly in a schema, with the keyword of each.</summary>
    public static IEnumerable<(SchemaPlace Place, string Keyword)> Children(SchemaPlace place)
    {
        foreach (var member in place.Element.EnumerateObject())
        {
            var (name, value) = (member.Name, member.Value);
            switch (value.ValueKind)
            {
                case JsonValueKind.Object when System.Array.IndexOf(s_maps, name) >= 0:
                    foreach (var one in value.EnumerateObject().Where(o => IsSchema(o.Value)))
                    {
                        yield return (place.Below(name, value).Below(one.Name, one.Value), name);
                    }

                    break;
                case JsonValueKind.Object when System.Array.IndexOf(s_one, name) >= 0:
                    yield return (place.Below(name, value), name);
                    break;
                case JsonValueKind.Array when System.Array.IndexOf(s_lists, name) >= 0:
                    var index = 0;
                    foreach (var one in value.EnumerateArray())
                    {
                        yield return (place.Below(name, value).Below(index++, one), name);
                    }

                    break;
            }
        }
    }

    /// <summary>Reads one schema. Throws <see cref="JsonSchemaException"/> when a keyword has a value that it cannot have.</summary>
    public void Read(SchemaPlace place, SchemaNode node)
    {
        var schema = place.Element;
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            node.Always = schema.ValueKind == JsonValueKind.True;
            return;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw new JsonSchemaException(place.ToString(), "A schema is an object");
        }

        if (Text(place, "$ref") is { } reference)
        {
            node.Ref = set.NodeAt(set.Resolve(place, reference));
            if (IsOld)
            {
                // Nothing beside a reference counts (draft-pbryan-zyp-json-ref-03 §3).
                return;
            }
        }

        if (!IsOld && Text(place, "$dynamicRef") is { } dynamic)
        {
            ReadDynamic(place, dynamic, node);
        }

        node.Types = TypesOf(place);
        node.TakesNull =
            dialect == JsonSchemaDialect.OpenApi3 && (Flag(place, "nullable") || Flag(place, "x-nullable"));
        node.Values = ValuesOf(place);
        node.Number = NumberOf(place);
        node.Text = TextOf(place);
        node.Array = ArrayOf(place);
        node.Object = ObjectOf(place);
        node.AllOf = List(place, "allOf");
        node.AnyOf = List(place, "anyOf");
        node.OneOf = List(place, "oneOf");
        node.Not = One(place, "not");
        if (!IsOld)
        {
            node.If = One(place, "if");
            node.Then = One(place, "then");
            node.Else = One(place, "else");
            node.UnevaluatedNames = One(place, "unevaluatedProperties");
            node.UnevaluatedItems = One(place, "unevaluatedItems");
        }
    }

    // A reference that leads to a dynamic anchor means the outermost one of that name; any other is a plain reference.
    private void ReadDynamic(SchemaPlace place, string reference, SchemaNode node)
    {
        var target = set.Resolve(place, reference);
        var name = reference[(reference.IndexOf('#', StringComparison.Ordinal) + 1)..];
        if (
            name.Length > 0
            && target.Element.ValueKind == JsonValueKind.Object
            && target.Element.TryGetProperty("$dynamicAnchor", out var anchor)
            && anchor.GetString() == name
        )
        {
            node.DynamicRef = set.DynamicAnchors(name).ToDictionary(a => a.Resource, a => set.NodeAt(a.Place));
            return;
        }

        // Beside a $ref both count.
        if (node.Ref is null)
        {
            node.Ref = set.NodeAt(target);
        }
        else
        {
            node.DynamicRef = new() { [place.Resource] = set.NodeAt(target) };
        }
    }

    private JsonTypes TypesOf(SchemaPlace place)
    {
        if (!place.Element.TryGetProperty("type", out var type))
        {
            return JsonTypes.None;
        }

        return type.ValueKind == JsonValueKind.Array
            ? type.EnumerateArray().Aggregate(JsonTypes.None, (types, one) => types | TypeOf(place, one))
            : TypeOf(place, type);
    }

    private JsonTypes TypeOf(SchemaPlace place, JsonElement type) =>
        (type.ValueKind == JsonValueKind.String ? type.GetString() : null) switch
        {
            "null" => JsonTypes.Null,
            "boolean" => JsonTypes.Boolean,
            "integer" => JsonTypes.Integer,
            "number" => JsonTypes.Number,
            "string" => JsonTypes.Text,
            "array" => JsonTypes.Array,
            "object" => JsonTypes.Object,
            "file" when dialect == JsonSchemaDialect.OpenApi3 => JsonTypes.None,
            var other => throw Wrong(place, "type", $"'{other}' is no type"),
        };

    private JsonElement[]? ValuesOf(SchemaPlace place)
    {
        if (!IsOld && place.Element.TryGetProperty("const", out var only))
        {
            return [only];
        }

        return place.Element.TryGetProperty("enum", out var values)
            ? values.ValueKind == JsonValueKind.Array
                ? [.. values.EnumerateArray()]
                : throw Wrong(place, "enum", "is no list of values")
            : null;
    }

    private NumberRules? NumberOf(SchemaPlace place)
    {
        var (least, most) = (Number(place, "minimum"), Number(place, "maximum"));
        SchemaNumber? above = null;
        SchemaNumber? below = null;
        if (IsOld)
        {
            if (Flag(place, "exclusiveMinimum"))
            {
                (least, above) = (null, least);
            }

            if (Flag(place, "exclusiveMaximum"))
            {
                (most, below) = (null, most);
            }
        }
        else
        {
            (above, below) = (Number(place, "exclusiveMinimum"), Number(place, "exclusiveMaximum"));
        }

        var step = Number(place, "multipleOf");
        if (step is { IsPositive: false })
        {
            throw Wrong(place, "multipleOf", "is not above 0");
        }

        var format = Text(place, "format") is { } f && SchemaFormats.IsOfNumbers(f) ? f : null;
        return least is null && most is null && above is null && below is null && step is null && format is null
            ? null
            : new(least, most, above, below, step, format);
    }

    private TextRules? TextOf(SchemaPlace place)
    {
        var (shortest, longest) = (Count(place, "minLength"), Count(place, "maxLength"));
        var pattern = Text(place, "pattern") is { } text ? Pattern(place, "pattern", text) : null;
        var format = Text(place, "format") is { } f && !SchemaFormats.IsOfNumbers(f) ? f : null;
        return shortest is null && longest is null && pattern is null && format is null
            ? null
            : new(shortest, longest, pattern, format);
    }

    private ArrayRules? ArrayOf(SchemaPlace place)
    {
        var isList = place.Element.TryGetProperty("items", out var items) && items.ValueKind == JsonValueKind.Array;
        var first = IsOld ? (isList ? List(place, "items") : null) : List(place, "prefixItems");
        var rest =
            IsOld && isList ? One(place, "additionalItems")
            : isList ? throw Wrong(place, "items", "is no schema; 2020-12 has prefixItems for a list")
            : One(place, "items");
        var contains = IsOld ? null : One(place, "contains");
        var (least, most) = (Count(place, "minItems"), Count(place, "maxItems"));
        var differ = Flag(place, "uniqueItems");
        return first is null && rest is null && contains is null && least is null && most is null && !differ
            ? null
            : new(
                first ?? [],
                rest,
                contains,
                IsOld ? 1 : Count(place, "minContains") ?? 1,
                IsOld ? null : Count(place, "maxContains"),
                least,
                most,
                differ
            );
    }

    private ObjectRules? ObjectOf(SchemaPlace place)
    {
        var members = Map(place, "properties").ToDictionary(m => m.Name, m => m.Node, StringComparer.Ordinal);
        var required = RequiredOf(place);
        var patterns = Map(place, "patternProperties")
            .Select(m => (Pattern(place, "patternProperties", m.Name), m.Node));
        var others = One(place, "additionalProperties");
        var names = IsOld ? null : One(place, "propertyNames");
        var (least, most) = (Count(place, "minProperties"), Count(place, "maxProperties"));
        var (asked, checkedBeside) = DependenciesOf(place);
        var rules = new ObjectRules(members, required)
        {
            ByPattern = [.. patterns],
            Others = others,
            NameRules = names,
            Least = least,
            Most = most,
            AskedBeside = asked,
            CheckedBeside = checkedBeside,
        };
        return
            members.Count == 0
            && required.Length == 0
            && rules.ByPattern.Length == 0
            && others is null
            && names is null
            && least is null
            && most is null
            && asked.Length == 0
            && checkedBeside.Length == 0
            ? null
            : rules;
    }

    // What only the other way has is not asked for on this one (OpenAPI 3.0.3, schema object).
    private string[] RequiredOf(SchemaPlace place)
    {
        // In draft 3, and by mistake in many OpenAPI documents, "required" is a flag of a property.
        if (!place.Element.TryGetProperty("required", out var required) || required.ValueKind != JsonValueKind.Array)
        {
            return [];
        }

        return [.. Texts(place, "required", required).Where(name => !IsOfOtherWay(place, name)).Distinct()];
    }

    private bool IsOfOtherWay(SchemaPlace place, string name)
    {
        var flag = use switch
        {
            JsonSchemaUse.Request => "readOnly",
            JsonSchemaUse.Answer => "writeOnly",
            _ => null,
        };
        if (
            flag is null
            || !place.Element.TryGetProperty("properties", out var properties)
            || properties.ValueKind != JsonValueKind.Object
            || !properties.TryGetProperty(name, out var member)
            || member.ValueKind != JsonValueKind.Object
        )
        {
            return false;
        }

        if (Text(place with { Element = member }, "$ref") is { } reference)
        {
            var meant = set.Resolve(place, reference).Element;
            member = meant.ValueKind == JsonValueKind.Object ? meant : member;
        }

        return Flag(place with { Element = member }, flag);
    }

    private ((string, string[])[] Asked, (string, SchemaNode)[] Checked) DependenciesOf(SchemaPlace place)
    {
        var asked = new List<(string, string[])>();
        var nodes = new List<(string, SchemaNode)>();
        foreach (var keyword in IsOld ? (string[])["dependencies"] : ["dependentRequired", "dependentSchemas"])
        {
            if (!place.Element.TryGetProperty(keyword, out var map))
            {
                continue;
            }

            foreach (var one in Members(place, keyword, map))
            {
                if (one.Value.ValueKind == JsonValueKind.Array && keyword != "dependentSchemas")
                {
                    asked.Add((one.Name, [.. Texts(place, keyword, one.Value)]));
                }
                else
                {
                    nodes.Add((one.Name, set.NodeAt(place.Below(keyword, map).Below(one.Name, one.Value))));
                }
            }
        }

        return ([.. asked], [.. nodes]);
    }

    private SchemaNode? One(SchemaPlace place, string keyword) =>
        place.Element.TryGetProperty(keyword, out var schema) ? set.NodeAt(place.Below(keyword, schema)) : null;

    private SchemaNode[]? List(SchemaPlace place, string keyword)
    {
        if (!place.Element.TryGetProperty(keyword, out var list))
        {
            return null;
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(place, keyword, "is no list of schemas");
        }

        var below = place.Below(keyword, list);
        return [.. list.EnumerateArray().Select((schema, i) => set.NodeAt(below.Below(i, schema)))];
    }

    private IEnumerable<(string Name, SchemaNode Node)> Map(SchemaPlace place, string keyword)
    {
        if (!place.Element.TryGetProperty(keyword, out var map))
        {
            return [];
        }

        var below = place.Below(keyword, map);
        return Members(place, keyword, map).Select(m => (m.Name, set.NodeAt(below.Below(m.Name, m.Value))));
    }

    private static IEnumerable<JsonProperty> Members(SchemaPlace place, string keyword, JsonElement map) =>
        map.ValueKind == JsonValueKind.Object ? map.EnumerateObject() : throw Wrong(place, keyword, "is no object");

    private static IEnumerable<string> Texts(SchemaPlace place, string keyword, JsonElement list) =>
        list.EnumerateArray()
            .Select(one =>
                one.ValueKind == JsonValueKind.String
                    ? one.GetString()!
                    : throw Wrong(place, keyword, "is no list of names")
            );

    private SchemaPattern Pattern(SchemaPlace place, string keyword, string text)
    {
        try
        {
            return set.Pattern(text);
        }
        catch (FormatException bad)
        {
            throw Wrong(place, keyword, bad.Message);
        }
    }

    private static string? Text(SchemaPlace place, string keyword) =>
        place.Element.TryGetProperty(keyword, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static bool Flag(SchemaPlace place, string keyword) =>
        place.Element.TryGetProperty(keyword, out var value) && value.ValueKind == JsonValueKind.True;

    private static SchemaNumber? Number(SchemaPlace place, string keyword) =>
        !place.Element.TryGetProperty(keyword, out var value) ? null
        : value.ValueKind == JsonValueKind.Number ? SchemaNumber.Of(value)
        : throw Wrong(place, keyword, "is no number");

    private static long? Count(SchemaPlace place, string keyword)
    {
        if (!place.Element.TryGetProperty(keyword, out var value))
        {
            return null;
        }

        return
            value.ValueKind == JsonValueKind.Number
            && value.TryGetDouble(out var count)
            && count >= 0
            && double.IsInteger(count)
            ? (long)Math.Min(count, long.MaxValue / 2)
            : throw Wrong(place, keyword, "is no whole number from 0 up");
    }

    private static bool IsSchema(JsonElement value) =>
        value.ValueKind is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False;

    private static JsonSchemaException Wrong(SchemaPlace place, string keyword, string message) =>
        new($"{place}/{keyword}", $"{keyword}: {message}");
}
