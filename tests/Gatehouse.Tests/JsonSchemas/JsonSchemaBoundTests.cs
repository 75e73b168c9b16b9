using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Tests.JsonSchemas;

/// <summary>Schemas and values that are made to cost, or to trip over.</summary>
public sealed class JsonSchemaBoundTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task What_a_schema_says_of_a_value_is_found_though_it_refers_to_itself_in_every_alternative()
    {
        // Walked alternative by alternative this is 12 to the power of the depth.
        var self = string.Join(',', Enumerable.Repeat("""{"$ref":"#/$defs/Loop"}""", 12));
        var schema = Schema(
            $$$"""
            {
              "$defs": { "Loop": { "anyOf": [{{{self}}},
                { "type": "object", "properties": { "a": { "type": "integer" } } }, { "type": "array", "items": { "type": "string" } }] } },
              "$ref": "#/$defs/Loop"
            }
            """
        );

        var (types, item, member, members) = await Task.Run(() =>
                (schema.Types, schema.Items?.Types, schema.Member("a")?.Types, schema.Members.ToList())
            )
            .WaitAsync(s_patience, TestContext.Current.CancellationToken);

        Assert.Equal(JsonTypes.Object | JsonTypes.Array, types);
        Assert.Equal(JsonTypes.Text, item);
        Assert.Equal(JsonTypes.Integer, member);
        Assert.Equal(["a"], members);
    }

    [Fact]
    public async Task A_check_against_a_schema_that_refers_to_itself_ends()
    {
        var schema = Schema(
            """{"$defs":{"L":{"anyOf":[{"$ref":"#/$defs/L"},{"$ref":"#/$defs/L"}]}},"$ref":"#/$defs/L"}"""
        );

        var errors = await Task.Run(() => Check(schema, "1"))
            .WaitAsync(s_patience, TestContext.Current.CancellationToken);

        Assert.NotEmpty(errors);
    }

    [Theory]
    [InlineData(@"\u{-1}")]
    [InlineData(@"\u{+1}")]
    [InlineData(@"\u{ 41}")]
    [InlineData(@"\u{0x41}")]
    [InlineData(@"\u{110000}")]
    [InlineData(@"\u{d800}")]
    [InlineData(@"\u{fffffff}")]
    [InlineData(@"\u{}")]
    public void A_pattern_with_a_character_that_there_is_not_is_a_pattern_or_a_clear_error(string pattern)
    {
        try
        {
            _ = Check(Schema($$"""{"pattern":{{JsonSerializer.Serialize(pattern)}}}"""), "\"A\"");
        }
        catch (JsonSchemaException bad)
        {
            Assert.Equal("/pattern", bad.Pointer[^"/pattern".Length..]);
        }
    }

    [Fact]
    public void A_pattern_names_characters_by_their_number()
    {
        var schema = Schema("""{"pattern":"^\\u{1F600}$"}""");

        Assert.Empty(Check(schema, "\"\U0001F600\""));
        Assert.NotEmpty(Check(schema, "\"A\""));
    }

    [Theory]
    [InlineData("""{"maxLength":3}""", "\"\\ud800\"")]
    [InlineData("""{"pattern":"a"}""", "\"a\\udfff\"")]
    [InlineData("""{"additionalProperties":false}""", "{\"\\ud800\":1}")]
    public void Half_a_character_does_not_fit(string schema, string value) =>
        Assert.Contains("no Unicode", Assert.Single(Check(Schema(schema), value)).Message, StringComparison.Ordinal);

    private static JsonSchema Schema(string json)
    {
        var set = new JsonSchemaSet(JsonSchemaDialect.Draft202012);
        set.Add("test:schema", JsonElement.Parse(json));
        return set.At("test:schema");
    }

    private static IReadOnlyList<JsonSchemaError> Check(JsonSchema schema, string value) =>
        schema.Check(JsonElement.Parse(value), value.Length, formats: false);
}
