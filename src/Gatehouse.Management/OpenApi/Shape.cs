namespace Gatehouse.Management.OpenApi;

/// <summary>What a node of the document must look like.</summary>
internal abstract record Shape
{
    /// <summary>A string. A bare number or truth value is taken for one: YAML writers leave the quotes out of <c>version: 1.0</c>.</summary>
    public static Shape Text { get; } = new ScalarShape("a text", NodeKind.String, NodeKind.Number, NodeKind.Boolean);

    public static Shape Number { get; } = new ScalarShape("a number", NodeKind.Number);

    public static Shape Flag { get; } = new ScalarShape("true or false", NodeKind.Boolean);

    /// <summary>Data: nothing inside it is looked at, so a member called <c>$ref</c> means nothing either.</summary>
    public static Shape Anything { get; } = new AnyShape();

    public static Shape ListOf(Shape item) => new ListShape(item);

    public static Shape MapOf(Shape value) => new ObjectShape("an object") { Others = value };

    private sealed record AnyShape : Shape;
}

internal sealed record ScalarShape(string Name, params NodeKind[] Kinds) : Shape;

internal sealed record ListShape(Shape Item) : Shape;

/// <summary>One shape for an object, another for a list (<c>items</c> of a schema), a third for a truth value.</summary>
internal sealed record EitherShape(Shape Object, Shape? List = null, bool OrFlag = false) : Shape;

/// <summary>An object of the specification.</summary>
internal sealed record ObjectShape(string Name) : Shape
{
    /// <summary>Set after construction, because schemas contain schemas.</summary>
    public Dictionary<string, Shape> Fields { get; set; } = [];

    /// <summary>What every member that is no field (and no extension <c>x-…</c>) must look like; null when it is not looked at.</summary>
    public Shape? Others { get; set; }

    /// <summary>Without these, the document is unfit.</summary>
    public string[] Required { get; init; } = [];

    /// <summary>The specification demands these, but nothing here needs them.</summary>
    public string[] Expected { get; init; } = [];

    /// <summary>May be a <c>$ref</c> instead.</summary>
    public bool Referable { get; init; }

    // Shapes contain each other in circles; the generated members would never come back from them.
    public bool Equals(ObjectShape? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    public override string ToString() => Name;
}
