using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>One schema and what it asks. Filled once by <see cref="SchemaReader"/>, then only read.</summary>
internal sealed class SchemaNode(SchemaResource resource)
{
    /// <summary>The schema <c>true</c> or <c>false</c>.</summary>
    public bool? Always { get; set; }

    public JsonTypes Types { get; set; }

    /// <summary><c>null</c> passes whatever else is asked (OpenAPI 3.0 <c>nullable</c>).</summary>
    public bool TakesNull { get; set; }

    public JsonElement[]? Values { get; set; }

    public NumberRules? Number { get; set; }

    public TextRules? Text { get; set; }

    public ArrayRules? Array { get; set; }

    public ObjectRules? Object { get; set; }

    public SchemaNode? Ref { get; set; }

    /// <summary>For <c>$dynamicRef</c>: the schema that each resource means by it.</summary>
    public Dictionary<SchemaResource, SchemaNode>? DynamicRef { get; set; }

    public SchemaNode[]? AllOf { get; set; }

    public SchemaNode[]? AnyOf { get; set; }

    public SchemaNode[]? OneOf { get; set; }

    public SchemaNode? Not { get; set; }

    public SchemaNode? If { get; set; }

    public SchemaNode? Then { get; set; }

    public SchemaNode? Else { get; set; }

    public SchemaNode? UnevaluatedNames { get; set; }

    public SchemaNode? UnevaluatedItems { get; set; }

    /// <summary>Whether the value fits; errors are in <paramref name="run"/>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="run">The check.</param>
    /// <param name="marks">Gets what was looked at, when somebody asks; null otherwise.</param>
    public bool Check(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        if (Always is { } always)
        {
            return always || run.Fail("is not allowed");
        }

        if (TakesNull && value.ValueKind == JsonValueKind.Null)
        {
            return true;
        }

        var fits = run.Enter(resource, out var isNew);
        if (fits)
        {
            // What is not evaluated is known last, and from this schema's own point of view.
            var own = UnevaluatedNames is not null || UnevaluatedItems is not null ? new SchemaMarks() : marks;
            fits =
                CheckOwn(value, run, own)
                && CheckReferences(value, run, own)
                && CheckCombined(value, run, own)
                && CheckConditions(value, run, own)
                && CheckUnevaluated(value, run, own);
            if (fits && marks is not null && !ReferenceEquals(own, marks))
            {
                marks.Add(own!);
            }
        }

        run.Leave(isNew);
        return fits && !run.IsSpent;
    }

    private bool CheckOwn(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        if (Types != JsonTypes.None && !IsOf(value, Types))
        {
            return run.Fail($"is not {WordsFor(Types)}");
        }

        if (Values is not null && !IsOneOf(value, Values, run))
        {
            return run.Fail(Values.Length == 1 ? "is not the one value allowed" : "is not one of the values allowed");
        }

        return value.ValueKind switch
        {
            JsonValueKind.Number => Number is null || Number.Check(value, run),
            JsonValueKind.String => Text is null || Text.Check(value, run),
            JsonValueKind.Array => Array is null || Array.Check(value, run, marks),
            JsonValueKind.Object => Object is null || Object.Check(value, run, marks),
            _ => true,
        };
    }

    private bool CheckReferences(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        if (Ref is not null && !Ref.Check(value, run, marks))
        {
            return false;
        }

        return DynamicRef is null || run.Outermost(DynamicRef) is not { } meant || meant.Check(value, run, marks);
    }

    private bool CheckCombined(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        var fits = true;
        foreach (var one in AllOf ?? [])
        {
            if (!one.Check(value, run, marks))
            {
                fits = false;
                if (run.StopsAtFirst)
                {
                    return false;
                }
            }
        }

        if (AnyOf is not null && Fitting(AnyOf, value, run, marks, int.MaxValue) == 0)
        {
            fits = run.Fail($"fits none of {AnyOf.Length} alternatives{Hint(AnyOf, value)}");
        }

        if (OneOf is not null && Fitting(OneOf, value, run, marks, 2) is var count and not 1)
        {
            fits = run.Fail(
                count == 0
                    ? $"fits none of {OneOf.Length} alternatives{Hint(OneOf, value)}"
                    : "fits more than one alternative"
            );
        }

        if (Not is not null && Fits(Not, value, run, null))
        {
            fits = run.Fail("is what it must not be");
        }

        return fits;
    }

    private bool CheckConditions(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        if (If is null)
        {
            return true;
        }

        var next = Fits(If, value, run, marks) ? Then : Else;
        return next is null || next.Check(value, run, marks);
    }

    private bool CheckUnevaluated(JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        var fits = true;
        if (UnevaluatedNames is not null && value.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in value.EnumerateObject().Where(m => !marks!.Has(m.Name)))
            {
                run.Down(member.Name);
                fits &= UnevaluatedNames.Check(member.Value, run, null);
                run.Up();
            }

            marks!.AddAllNames();
        }

        if (UnevaluatedItems is not null && value.ValueKind == JsonValueKind.Array)
        {
            var index = 0;
            foreach (var item in value.EnumerateArray())
            {
                if (!marks!.Has(index))
                {
                    run.Down(index);
                    fits &= UnevaluatedItems.Check(item, run, null);
                    run.Up();
                }

                index++;
            }

            marks!.AddAllItems();
        }

        return fits;
    }

    // All are asked, unless enough is known and nobody wants marks: each that fits tells more of what was looked at.
    private static int Fitting(SchemaNode[] nodes, JsonElement value, SchemaRun run, SchemaMarks? marks, int enough)
    {
        var count = 0;
        foreach (var node in nodes)
        {
            count += Fits(node, value, run, marks) ? 1 : 0;
            if (run.IsSpent || (marks is null && count >= (enough == int.MaxValue ? 1 : enough)))
            {
                break;
            }
        }

        return count;
    }

    /// <summary>Whether a value fits, when it is no error if it does not.</summary>
    public static bool Fits(SchemaNode node, JsonElement value, SchemaRun run, SchemaMarks? marks)
    {
        var tried = marks is null ? null : new SchemaMarks();
        run.BeginTrial();
        var fits = node.Check(value, run, tried);
        run.EndTrial();
        if (fits)
        {
            marks?.Add(tried!);
        }

        return fits;
    }

    private static string Hint(SchemaNode[] nodes, JsonElement value)
    {
        var types = JsonTypes.None;
        foreach (var node in nodes)
        {
            var one = node.TypesFound();
            if (one == JsonTypes.None)
            {
                return "";
            }

            types |= one;
        }

        return IsOf(value, types) ? "" : $": it is not {WordsFor(types)}";
    }

    /// <summary>True when a value is of one of the types.</summary>
    public static bool IsOf(JsonElement value, JsonTypes types) =>
        value.ValueKind switch
        {
            JsonValueKind.Null => types.HasFlag(JsonTypes.Null),
            JsonValueKind.True or JsonValueKind.False => types.HasFlag(JsonTypes.Boolean),
            JsonValueKind.Number => types.HasFlag(JsonTypes.Number)
                || (types.HasFlag(JsonTypes.Integer) && SchemaNumber.Of(value).IsWhole),
            JsonValueKind.String => types.HasFlag(JsonTypes.Text),
            JsonValueKind.Array => types.HasFlag(JsonTypes.Array),
            _ => types.HasFlag(JsonTypes.Object),
        };

    private static bool IsOneOf(JsonElement value, JsonElement[] values, SchemaRun run)
    {
        foreach (var one in values)
        {
            if (run.Spend(1) && one.ValueKind == value.ValueKind && JsonElement.DeepEquals(one, value))
            {
                return true;
            }
        }

        return false;
    }

    private static string WordsFor(JsonTypes types)
    {
        var words = Enum.GetValues<JsonTypes>()
            .Where(t => t != JsonTypes.None && types.HasFlag(t))
            .Select(t =>
                t switch
                {
                    JsonTypes.Null => "null",
                    JsonTypes.Text => "a string",
                    JsonTypes.Integer => "an integer",
                    JsonTypes.Array => "an array",
                    JsonTypes.Object => "an object",
                    _ => $"a {t.ToString().ToLowerInvariant()}",
                }
            );
        return string.Join(" or ", words);
    }

    // What a schema says of a value may stand behind references and in alternatives, which may lead in circles: each is looked
    // at once.

    public JsonTypes TypesFound() =>
        Reach(static node => node.Types != JsonTypes.None)
            .Where(static node => node.Types != JsonTypes.None)
            .Aggregate(
                JsonTypes.None,
                static (found, node) => found | node.Types | (node.TakesNull ? JsonTypes.Null : JsonTypes.None)
            );

    public SchemaNode? ItemsFound() => Reach().Select(n => n.Array?.Items).FirstOrDefault(i => i is not null);

    public SchemaNode? MemberFound(string name) =>
        Reach().Select(n => n.Object?.Member(name)).FirstOrDefault(m => m is not null);

    public IEnumerable<string> MembersFound() => Reach().SelectMany(n => n.Object?.Names ?? []);

    private IEnumerable<SchemaNode> Reach(Func<SchemaNode, bool>? ends = null)
    {
        var seen = new HashSet<SchemaNode> { this };
        var open = new Queue<SchemaNode>(seen);
        while (open.TryDequeue(out var node))
        {
            yield return node;
            if (ends?.Invoke(node) == true)
            {
                continue;
            }

            foreach (var part in node.Parts())
            {
                if (seen.Add(part))
                {
                    open.Enqueue(part);
                }
            }
        }
    }

    private IEnumerable<SchemaNode> Parts() =>
        [.. Ref is null ? [] : (SchemaNode[])[Ref], .. AllOf ?? [], .. AnyOf ?? [], .. OneOf ?? []];
}
