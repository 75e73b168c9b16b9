namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Walks a document beside its shape: kinds, required members, references. Only what the shape knows as a reference is one,
/// so an example that holds <c>{"$ref": …}</c> as data stays data. Nothing outside of the document is ever opened.
/// </summary>
internal sealed class ShapeCheck(References references, ProblemList problems)
{
    public void Check(DocumentNode node, Shape shape)
    {
        switch (shape)
        {
            case ScalarShape scalar:
                if (!scalar.Kinds.Contains(node.Kind))
                {
                    problems.Add(node, $"This must be {scalar.Name}, not {Name(node)}");
                }

                break;
            case ListShape list:
                CheckItems(node, list.Item);
                break;
            case EitherShape either:
                CheckEither(node, either);
                break;
            case ObjectShape @object:
                CheckObject(node, @object);
                break;
        }
    }

    private void CheckItems(DocumentNode node, Shape item)
    {
        if (node.Kind != NodeKind.Array)
        {
            problems.Add(node, $"This must be a list, not {Name(node)}");
            return;
        }

        for (var i = 0; i < node.Items.Count; i++)
        {
            problems.Down(i.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Check(node.Items[i], item);
            problems.Up();
        }
    }

    private void CheckEither(DocumentNode node, EitherShape either)
    {
        if (node.Kind == NodeKind.Array && either.List is not null)
        {
            Check(node, either.List);
        }
        else if (node.Kind != NodeKind.Boolean || !either.OrFlag)
        {
            Check(node, either.Object);
        }
    }

    private void CheckObject(DocumentNode node, ObjectShape shape)
    {
        if (node.Kind != NodeKind.Object)
        {
            problems.Add(node, $"This must be {shape.Name}, not {Name(node)}");
            return;
        }

        var isReference = false;
        foreach (var member in node.Members)
        {
            if (member.Name == "$ref" && shape.Referable && member.Value.Kind == NodeKind.String)
            {
                isReference = true;
                // Looked up, never walked into: a schema that refers to itself is a leaf here, not a loop.
                if (!references.TryResolve(member.Value.Text, out _, out var message))
                {
                    problems.Add(member.Value, message, FixFor(member.Value.Text), "$ref");
                }

                continue;
            }

            var expected = shape.Fields.GetValueOrDefault(member.Name);
            if (expected is null && !member.Name.StartsWith("x-", StringComparison.Ordinal))
            {
                expected = shape.Others;
            }

            if (expected is not null)
            {
                problems.Down(member.Name);
                Check(member.Value, expected);
                problems.Up();
            }
        }

        if (isReference)
        {
            return;
        }

        foreach (var name in shape.Required)
        {
            if (node[name] is null)
            {
                problems.Add(node, $"'{name}' is missing in {shape.Name}", $"add '{name}'", name);
            }
        }

        foreach (var name in shape.Expected)
        {
            if (node[name] is null)
            {
                problems.Warn(node, $"'{name}' is missing in {shape.Name}", name: name);
            }
        }
    }

    private static string? FixFor(string reference) =>
        reference.StartsWith('#') ? null : "bundle the document into one file; nothing outside of it is opened";

    private static string Name(DocumentNode node) =>
        node.Kind switch
        {
            NodeKind.Object => "an object",
            NodeKind.Array => "a list",
            NodeKind.Null => "nothing",
            _ => $"'{Excerpt.Of(node.Text)}'",
        };
}
