using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Tests.JsonSchemas;

/// <summary>The official JSON Schema Test Suite (tests/golden/json-schema-suite): every case, with what does not agree counted and named.</summary>
public sealed class JsonSchemaSuiteTests(ITestOutputHelper output)
{
    /// <summary>What is asked of each draft.</summary>
    private const double Least = 0.98;

    private static readonly Lazy<JsonElement> s_remotes = new(() => Read("remotes.json"));

    [Theory]
    [InlineData("draft4.json", JsonSchemaDialect.Draft4)]
    [InlineData("draft2020-12.json", JsonSchemaDialect.Draft202012)]
    public void Nearly_every_case_of_the_official_suite_is_decided_as_it_says(string file, JsonSchemaDialect dialect)
    {
        var wrong = new List<string>();
        var total = 0;
        foreach (
            var part in Read(file)
                .EnumerateObject()
                .Where(f => !f.Name.StartsWith("optional/", StringComparison.Ordinal))
        )
        {
            total += Run(part, dialect, formats: false, wrong);
        }

        output.WriteLine($"{file}: {total - wrong.Count} of {total}");
        wrong.ForEach(output.WriteLine);
        Assert.True(total > 500);
        Assert.True(
            total - wrong.Count >= Least * total,
            $"{wrong.Count} of {total} differ:\n{string.Join('\n', wrong)}"
        );
    }

    [Theory]
    [InlineData("draft4.json", JsonSchemaDialect.Draft4)]
    [InlineData("draft2020-12.json", JsonSchemaDialect.Draft202012)]
    public void Formats_that_are_checked_are_decided_as_the_suite_says(string file, JsonSchemaDialect dialect)
    {
        string[] checkedOnes =
        [
            "date",
            "date-time",
            "time",
            "duration",
            "uuid",
            "ipv4",
            "ipv6",
            "hostname",
            "email",
            "uri",
            "uri-reference",
            "json-pointer",
        ];
        var wrong = new List<string>();
        var total = 0;
        foreach (
            var part in Read(file)
                .EnumerateObject()
                .Where(f => checkedOnes.Any(c => f.Name == $"optional/format/{c}.json"))
        )
        {
            total += Run(part, dialect, formats: true, wrong);
        }

        output.WriteLine($"{file}: {total - wrong.Count} of {total}");
        wrong.ForEach(output.WriteLine);
        Assert.True(total > 0);
        Assert.True(
            total - wrong.Count >= 0.95 * total,
            $"{wrong.Count} of {total} differ:\n{string.Join('\n', wrong)}"
        );
    }

    private static int Run(JsonProperty file, JsonSchemaDialect dialect, bool formats, List<string> wrong)
    {
        var total = 0;
        foreach (var group in file.Value.EnumerateArray())
        {
            JsonSchema? schema = null;
            var why = "";
            try
            {
                var set = new JsonSchemaSet(dialect);
                foreach (var remote in s_remotes.Value.EnumerateObject())
                {
                    set.Add(remote.Name, remote.Value);
                }

                set.Add("test:schema", group.GetProperty("schema"));
                schema = set.At("test:schema");
            }
            catch (JsonSchemaException bad)
            {
                why = $" ({bad.Pointer}: {bad.Message})";
            }

            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                total++;
                var data = test.GetProperty("data");
                var expected = test.GetProperty("valid").GetBoolean();
                if (schema?.Check(data, data.GetRawText().Length, formats).IsEmpty != expected)
                {
                    wrong.Add(
                        $"{file.Name}: {group.GetProperty("description")}: {test.GetProperty("description")}{why}"
                    );
                }
            }
        }

        return total;
    }

    private static JsonElement Read(string file)
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Gatehouse.slnx")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return JsonElement.Parse(
            File.ReadAllBytes(Path.Combine(directory, "tests", "golden", "json-schema-suite", file)),
            new JsonDocumentOptions { MaxDepth = 128 }
        );
    }
}
