using System.Text;

namespace Gatehouse.Configuration;

/// <summary>The reference page of all keys, <c>docs/reference/configuration.md</c>.</summary>
internal static class ConfigurationReference
{
    /// <summary>The page, made from the settings table.</summary>
    public static string Create()
    {
        var page = new StringBuilder(
            """
            # Configuration of a node

            Made from the table of settings by `gatehouse config schema --markdown`; do not edit.

            Every key can stand in `gatehouse.yaml`, in the variable beside it, or on the command line as `--set KEY=VALUE`. The
            later wins. `VARIABLE_FILE` reads the value from a file. Lists in variables are written with commas between, or as YAML.
            A key that says *restart* waits for one after `gatehouse reload`; the others take effect at once.
            `gatehouse config show --origin` says where each value of a node comes from.

            The file is found at `--config FILE`, `GATEHOUSE_CONFIG`, `gatehouse.yaml` in the data directory, or
            `/etc/gatehouse/gatehouse.yaml`. The data directory is `--data DIR`, `GATEHOUSE_DATA_DIR`, or
            """
        ).Append('\n').Append(DataDirectory.DefaultInWords).Append(".\n");
        foreach (var section in SettingsTable.All.GroupBy(s => s.Key.Split('.') is [var first, _, ..] ? first : ""))
        {
            page.Append('\n');
            if (section.Key.Length > 0)
            {
                page.Append("## ").Append(section.Key).Append("\n\n");
            }

            page.Append("| key | value | default | meaning | new value |\n|---|---|---|---|---|\n");
            foreach (var setting in section)
            {
                var defaultText = setting.DefaultInWords ?? $"`{setting.DefaultText}`";
                page.Append(
                    $"| `{setting.Key}`<br>`{setting.Variable}` | {setting.KindName} | {defaultText} | {setting.Doc}{FlagOf(setting)} | {(setting.Reloads ? "at once" : "restart")} |\n"
                );
            }
        }

        return page.ToString();
    }

    private static string FlagOf(Setting setting) => setting.Flag is null ? "" : $" Flag: `{setting.Flag}`.";
}
