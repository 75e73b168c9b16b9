using System.Collections.Immutable;
using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>Which rules a schema is read by.</summary>
public enum JsonSchemaDialect
{
    /// <summary>JSON Schema draft 4 (draft-zyp-json-schema-04, draft-fge-json-schema-validation-00).</summary>
    Draft4,

    /// <summary>The schema object of OpenAPI 2.0 and 3.0: draft 4 with <c>nullable</c>, <c>x-nullable</c> and <c>type: file</c>.</summary>
    OpenApi3,

    /// <summary>JSON Schema 2020-12, which OpenAPI 3.1 uses.</summary>
    Draft202012,
}

/// <summary>Which way a value travels: a required member that only the other way has is not asked for (OpenAPI <c>readOnly</c>, <c>writeOnly</c>).</summary>
public enum JsonSchemaUse
{
    /// <summary>Neither.</summary>
    Any,

    /// <summary>From the caller.</summary>
    Request,

    /// <summary>To the caller.</summary>
    Answer,
}

/// <summary>Something about a value that does not fit.</summary>
/// <param name="Pointer">JSON pointer (RFC 6901) into the value; empty for the whole.</param>
/// <param name="Message">What the schema asks, in words that begin after the place: <c>is not an integer</c>. Holds nothing of the value.</param>
public sealed record JsonSchemaError(string Pointer, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => Pointer.Length == 0 ? Message : $"{Pointer} {Message}";
}

/// <summary>A schema that cannot be used.</summary>
public sealed class JsonSchemaException : FormatException
{
    /// <summary>With where in the schema it is, and what is wrong there.</summary>
    public JsonSchemaException(string pointer, string message)
        : base(message) => Pointer = pointer;

    /// <summary>JSON pointer into the document, perhaps with its URI before a #.</summary>
    public string Pointer { get; }
}

/// <summary>A schema, ready to check values. Immutable and safe for any number of threads.</summary>
public sealed class JsonSchema
{
    /// <summary>Work that a check may cost for each byte of a value; an honest value costs less than one.</summary>
    private const int WorkPerByte = 4;
    private const int FreeWork = 20_000;

    private readonly SchemaNode _node;

    internal JsonSchema(SchemaNode node) => _node = node;

    /// <summary>
    /// What does not fit, at most <see cref="SchemaRun.MostErrors"/> things; empty when all does. Bounded in time: a value
    /// that costs far more than its size is refused like one that does not fit. Does not throw.
    /// </summary>
    /// <param name="value">Without repeated names in one object.</param>
    /// <param name="size">How many bytes it was read from.</param>
    /// <param name="formats">Whether <c>format</c> counts.</param>
    public ImmutableArray<JsonSchemaError> Check(JsonElement value, long size, bool formats)
    {
        var run = new SchemaRun((size * WorkPerByte) + FreeWork, formats);
        try
        {
            return _node.Check(value, run, null) ? [] : run.Errors;
        }
        catch (InvalidOperationException)
        {
            // System.Text.Json takes half a surrogate pair for JSON and then cannot give the text.
            return [new("", "holds text that is no Unicode")];
        }
    }

    /// <summary>The types that a value may have, as far as the schema names any: how text of a parameter is to be read.</summary>
    public JsonTypes Types => _node.TypesFound();

    /// <summary>The schema of an array's items; null when there is none.</summary>
    public JsonSchema? Items => _node.ItemsFound() is { } items ? new(items) : null;

    /// <summary>The schema of an object's member; null when it names none.</summary>
    public JsonSchema? Member(string name) => _node.MemberFound(name) is { } member ? new(member) : null;

    /// <summary>The names of the members that the schema lists.</summary>
    public IEnumerable<string> Members => _node.MembersFound();
}

/// <summary>Types of JSON values.</summary>
[Flags]
public enum JsonTypes
{
    /// <summary>Nothing said.</summary>
    None = 0,

    /// <summary><c>null</c>.</summary>
    Null = 1,

    /// <summary><c>boolean</c>.</summary>
    Boolean = 2,

    /// <summary><c>integer</c>: a number without a fraction, however it is spelled.</summary>
    Integer = 4,

    /// <summary><c>number</c>.</summary>
    Number = 8,

    /// <summary><c>string</c>.</summary>
    Text = 16,

    /// <summary><c>array</c>.</summary>
    Array = 32,

    /// <summary><c>object</c>.</summary>
    Object = 64,
}
