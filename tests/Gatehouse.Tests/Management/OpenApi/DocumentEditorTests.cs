using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Gatehouse.Cli;
using Gatehouse.Management.OpenApi;

namespace Gatehouse.Tests.Management.OpenApi;

/// <summary>A member is changed in the text, and nothing around it.</summary>
public sealed class DocumentEditorTests
{
    private const string Yaml = """
        # The shop's API.
        openapi: 3.1.0
        info: { title: Söhne, version: 1.0.0 }   # ümlaut
        paths:
          /a:
            get:
              summary: First   # keep me
              security:
              - default:
                - read

              # The answers.
              responses: { '200': { description: ok } }
            put: { security: [], x-auth-type: None, responses: {} }
          /b:
            get: &shared
              x-auth-type: Application
            post: *shared
            put:
              <<: *shared
              summary: merged
        components:

        """;

    [Fact]
    public void Comments_order_and_spelling_of_the_rest_stay()
    {
        var editor = Open(Yaml);

        Assert.True(editor.TrySet(["paths", "/a", "get", "security"], new JsonArray()));
        Assert.True(editor.TrySet(["paths", "/a", "get", "x-throttling-tier"], "10KPerMin"));
        Assert.True(editor.TrySet(["paths", "/a", "put", "security"], null));
        Assert.True(editor.TrySet(["paths", "/a", "put", "x-auth-type"], "Application User"));
        Assert.True(editor.TrySet(["components", "x"], JsonNode.Parse("""{"a:b":["yes","é"]}""")));

        Assert.Equal(
            """
            # The shop's API.
            openapi: 3.1.0
            info: { title: Söhne, version: 1.0.0 }   # ümlaut
            paths:
              /a:
                get:
                  summary: First   # keep me
                  security: []

                  # The answers.
                  x-throttling-tier: 10KPerMin
                  responses: { '200': { description: ok } }
                put: { x-auth-type: Application User, responses: {} }
              /b:
                get: &shared
                  x-auth-type: Application
                post: *shared
                put:
                  <<: *shared
                  summary: merged
            components: { x: { "a:b": ["yes", "é"] } }

            """.Replace("x-throttling-tier: 10KPerMin", "x-throttling-tier: \"10KPerMin\"", StringComparison.Ordinal),
            Encoding.UTF8.GetString(editor.Write())
        );
    }

    [Fact]
    public void What_stands_behind_an_alias_or_a_merge_is_not_changed_from_there()
    {
        var editor = Open(Yaml);

        Assert.False(editor.TrySet(["paths", "/b", "post", "x-auth-type"], null));
        Assert.False(editor.TrySet(["paths", "/b", "put", "x-auth-type"], "None"));
        Assert.False(editor.TrySet(["openapi", "x"], 1));
        Assert.Equal(Yaml, Encoding.UTF8.GetString(editor.Write()));
    }

    [Fact]
    public void The_last_member_leaves_an_empty_object_and_not_nothing()
    {
        var yaml = Open("a:\n  b:\n    c: 1 # gone\nd: 2\n");
        var json = Open("{\"ü\": 1,\n \"a\": {\"b\": {\"c\": 1}}}");

        Assert.True(yaml.TrySet(["a", "b", "c"], null));
        Assert.True(json.TrySet(["a", "b", "c"], null));

        Assert.Equal("a:\n  b: {} # gone\nd: 2\n", Encoding.UTF8.GetString(yaml.Write()));
        Assert.Equal("{\"ü\": 1,\n \"a\": {\"b\": {}}}", Encoding.UTF8.GetString(json.Write()));
    }

    [Fact]
    public void Any_members_of_any_object_change_as_said_and_all_others_stay() =>
        Gen.Int.Sample(seed => AssertChanges(new Random(seed)), iter: 2000, threads: 1);

    private static readonly string[] s_names = ["a", "b c", "ü", "responses", "true"];

    private static void AssertChanges(Random random)
    {
        var document = Members(random, 0);
        var text = random.Next(4) switch
        {
            0 => document.ToJsonString(),
            1 => document.ToJsonString(s_indented),
            2 => YamlText.Of(document),
            _ => YamlText.Of(document).Replace("\n", "\r\n", StringComparison.Ordinal),
        };
        var editor = Open(text);
        var wanted = document.DeepClone();
        foreach (var outer in s_names.Where(n => wanted[n] is JsonObject))
        {
            foreach (var name in s_names.Where(_ => random.Next(2) == 0))
            {
                var value = random.Next(2) == 0 ? null : Value(random, 1) ?? "x";
                Assert.True(editor.TrySet([outer, name], value));
                wanted[outer]!.AsObject().Remove(name);
                if (value is not null)
                {
                    wanted[outer]![name] = value.DeepClone();
                }
            }
        }

        var written = Encoding.UTF8.GetString(editor.Write());

        JsonNode? read;
        try
        {
            read = PolicyReader.ToJson(Open(written).Root);
        }
        catch (DocumentException broken)
        {
            read = broken.Message;
        }

        Assert.True(JsonNode.DeepEquals(wanted, read), $"{text}\n---\n{written}\n---\n{read}");
    }

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private static JsonObject Members(Random random, int depth) =>
        new(s_names.Where(_ => random.Next(2) == 0).Select(n => KeyValuePair.Create(n, Value(random, depth + 1))));

    private static JsonNode? Value(Random random, int depth) =>
        random.Next(depth > 3 ? 6 : 10) switch
        {
            0 => "text",
            1 => "no",
            2 => "# é \"x\": y",
            3 => 12,
            4 => random.Next(2) == 0,
            5 => null,
            6 => new JsonArray([Value(random, depth + 1), Value(random, depth + 1)]),
            _ => Members(random, depth),
        };

    private static DocumentEditor Open(string text) => DocumentEditor.Open(Encoding.UTF8.GetBytes(text));
}
