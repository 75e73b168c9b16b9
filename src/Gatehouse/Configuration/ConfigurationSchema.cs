using System.Text.Json.Nodes;

namespace Gatehouse.Configuration;

/// <summary>The JSON schema of <c>gatehouse.yaml</c>, for editors. Shipped as <c>deploy/gatehouse.schema.json</c>.</summary>
internal static class ConfigurationSchema
{
    /// <summary>The schema, made from the settings table.</summary>
    public static JsonObject Create()
    {
        var root = Section("Configuration of one Gatehouse node");
        root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
        foreach (var setting in SettingsTable.All)
        {
            var section = root;
            var parts = setting.Key.Split('.');
            foreach (var part in parts[..^1])
            {
                var properties = (JsonObject)section["properties"]!;
                if (properties[part] is not JsonObject inner)
                {
                    properties[part] = inner = Section(null);
                }

                section = inner;
            }

            ((JsonObject)section["properties"]!)[parts[^1]] = Describe(setting);
        }

        return root;
    }

    private static JsonObject Describe(Setting setting)
    {
        var schema = setting.Schema();
        schema["description"] = setting.Reloads ? setting.Doc : $"{setting.Doc} A change needs a restart.";
        if (setting.DefaultInWords is null)
        {
            schema["default"] = setting.Write(setting.DefaultOn(SettingDefaults.None));
        }

        return schema;
    }

    private static JsonObject Section(string? title)
    {
        var section = new JsonObject();
        if (title is not null)
        {
            section["title"] = title;
        }

        // An empty section, as it is left when its last line is commented out, is null.
        section["type"] = new JsonArray("object", "null");
        section["additionalProperties"] = false;
        section["properties"] = new JsonObject();
        return section;
    }
}
