using System.Text;
using System.Text.Json;
using CsCheck;
using Gatehouse.Model;

namespace Gatehouse.Tests.Fuzz;

/// <summary>Schemas and values that were made to hurt: a schema is taken or refused in its own words, a check ends.</summary>
public sealed class JsonSchemaFuzzTests
{
    private static readonly string[] s_schemas =
    [
        """{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"type":["string","null"],"pattern":"^a+$"}},"required":["a"]}""",
        """{"anyOf":[{"minimum":1,"multipleOf":0.1},{"items":{"not":{}},"uniqueItems":true}],"unevaluatedProperties":false}""",
        """{"if":{"const":1},"then":{"enum":[1,"x"]},"else":{"prefixItems":[{"maxLength":3}],"contains":{"format":"date"}}}""",
        """{"$id":"https://x/y","$dynamicRef":"#n","$defs":{"n":{"$dynamicAnchor":"n","patternProperties":{"a|b":true},"additionalProperties":{"$ref":"#"}}}}""",
    ];

    private static readonly string[] s_words =
    [
        "\"$ref\":\"#\",",
        "\"$ref\":\"#/$defs/b\",",
        "\"allOf\":[{\"$ref\":\"#\"}],",
        "\"not\":{\"$ref\":\"#\"},",
        "\"items\":",
        "\"minLength\":-1,",
        "\"pattern\":\"(a+)+$\",",
        "\"multipleOf\":0,",
        "\"type\":7,",
        "1e400",
        "null",
        "true",
        "[",
        "{",
        "\"\\ud800\"",
    ];

    private static readonly JsonElement[] s_values =
    [
        .. new[]
        {
            "1",
            "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"",
            """{"a":{"a":[1,2,{"a":null}]},"b":[[[[]]]]}""",
            "[0.1,0.3,1e308,-0]",
            "null",
        }.Select(text => JsonDocument.Parse(text).RootElement),
    ];

    [Theory]
    [InlineData(JsonSchemaDialect.Draft4)]
    [InlineData(JsonSchemaDialect.Draft202012)]
    public void A_schema_is_taken_or_refused_and_a_check_ends(JsonSchemaDialect dialect) =>
        Mutations
            .Of(s_schemas.Select(Encoding.UTF8.GetBytes).ToList(), s_words)
            .Sample(
                text =>
                {
                    if (Parse(text) is not { } document)
                    {
                        return;
                    }

                    using (document)
                    {
                        JsonSchema schema;
                        try
                        {
                            var set = new JsonSchemaSet(dialect);
                            set.Add("https://x/", document.RootElement);
                            schema = set.At("https://x/");
                        }
                        catch (JsonSchemaException refused)
                        {
                            Assert.NotEmpty(refused.Message);
                            return;
                        }

                        foreach (var value in s_values)
                        {
                            schema.Check(value, 100, formats: true);
                        }

                        schema.Check(document.RootElement, text.Length, formats: true);
                    }
                },
                iter: 15_000
            );

    private static JsonDocument? Parse(byte[] text)
    {
        try
        {
            return JsonDocument.Parse(text, new() { AllowDuplicateProperties = false });
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
