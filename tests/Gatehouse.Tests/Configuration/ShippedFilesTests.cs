using System.Text.Json.Nodes;
using Gatehouse.Configuration;

namespace Gatehouse.Tests.Configuration;

/// <summary>Files made from the settings table are what the table makes now.</summary>
public sealed class ShippedFilesTests
{
    [Fact]
    public void The_reference_of_policies_is_made_from_their_settings() =>
        Assert.True(
            Gatehouse.Commands.PolicyReference.Create()
                == File.ReadAllText(InRepository("docs", "reference", "policies.md")),
            "run: gatehouse policy list --markdown > docs/reference/policies.md"
        );

    [Fact]
    public void The_shipped_schema_is_the_one_the_table_makes() =>
        Assert.True(
            JsonNode.DeepEquals(
                ConfigurationSchema.Create(),
                JsonNode.Parse(File.ReadAllText(InRepository("deploy", "gatehouse.schema.json")))
            ),
            "run: gatehouse config schema > deploy/gatehouse.schema.json"
        );

    [Fact]
    public void The_reference_page_is_the_one_the_table_makes() =>
        Assert.True(
            ConfigurationReference.Create() == File.ReadAllText(InRepository("docs", "reference", "configuration.md")),
            "run: gatehouse config schema --markdown > docs/reference/configuration.md"
        );

    [Fact]
    public void The_table_holds_every_setting_once()
    {
        var fields = typeof(SettingsTable)
            .GetFields()
            .Select(f => f.GetValue(null))
            .OfType<Setting>()
            .Select(s => s.Key)
            .Order();

        Assert.Equal(fields, SettingsTable.All.Select(s => s.Key).Order());
        Assert.Equal(SettingsTable.All.Count, SettingsTable.All.Select(s => s.Key).Distinct().Count());
    }

    private static string InRepository(params string[] path)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Gatehouse.slnx")))
        {
            directory = directory.Parent;
        }

        return Path.Combine([directory.FullName, .. path]);
    }
}
