using System.Text.Json.Nodes;
using Gatehouse.Model;
using Gatehouse.Portal.Publisher;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Tests.Portal;

/// <summary>Forms are made from schemas: no policy may come out of its form other than it went in.</summary>
public sealed class SchemaFieldTests
{
    public static TheoryData<string> Policies => [.. PolicyKinds.All.Select(k => k.Name)];

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_policy_that_is_shown_and_saved_stays_what_it_was(string name)
    {
        var kind = PolicyKinds.Find(name)!;
        var schema = kind.Schema();
        var settings = (JsonObject)JsonNode.Parse(kind.Example)!;

        var read = SchemaField.Read(schema, schema, new FormCollection(Filled(schema, schema, settings, "p0")), "p0");

        var problems = new List<Problem>();
        Assert.NotNull(kind.Read(System.Text.Json.JsonSerializer.SerializeToElement(read), "", problems));
        Assert.Empty(problems);
        Assert.True(
            JsonNode.DeepEquals(Without(settings, schema), read),
            $"{settings.ToJsonString()} became {read.ToJsonString()}"
        );
    }

    [Fact]
    public void What_is_no_number_is_told_with_its_field()
    {
        var schema = PolicyKinds.Find("size-limit")!.Schema();
        var form = new FormCollection(new() { ["p0.request"] = "many" });

        var wrong = Assert.Throws<Gatehouse.Management.ProblemsException>(() =>
            _ = SchemaField.Read(schema, schema, form, "p0")
        );

        Assert.Equal("/p0/request", wrong.Problems.Single().Pointer);
    }

    // As a browser sends it: a tick that is not set is not there.
    private static Dictionary<string, StringValues> Filled(
        JsonObject schema,
        JsonObject root,
        JsonObject? value,
        string prefix
    )
    {
        var form = new Dictionary<string, StringValues>();
        foreach (var field in SchemaField.Of(schema, root, value, prefix))
        {
            if (field.Kind == FieldKind.Group)
            {
                foreach (var (name, text) in Filled(field.Schema, root, field.Value as JsonObject, field.Name))
                {
                    form[name] = text;
                }
            }
            else if (field.Kind != FieldKind.Flag || field.Text == "true")
            {
                form[field.Name] = field.Text.ReplaceLineEndings("\r\n");
            }
        }

        return form;
    }

    // A form leaves out what is as it would be anyway.
    private static JsonObject Without(JsonObject settings, JsonObject schema)
    {
        var rest = new JsonObject();
        foreach (var (name, value) in settings)
        {
            if (!JsonNode.DeepEquals(value, schema["properties"]?[name]?["default"]))
            {
                rest[name] = value?.DeepClone();
            }
        }

        return rest;
    }
}
