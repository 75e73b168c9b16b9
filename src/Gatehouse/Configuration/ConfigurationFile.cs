using Gatehouse.Cli;
using Gatehouse.Model;
using YamlDotNet.Core;

namespace Gatehouse.Configuration;

/// <summary>Reads <c>gatehouse.yaml</c> into values of the settings table, and says everything that is wrong with it at once.</summary>
internal static class ConfigurationFile
{
    /// <summary>The file's values. Problems carry file, line and column.</summary>
    public static IReadOnlyList<SettingValue> Read(string path, ICollection<Problem> problems)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var reason = e is FileNotFoundException or DirectoryNotFoundException
                ? "the configuration file does not exist"
                : $"the configuration file cannot be read: {e.Message}";
            problems.Add(new Problem("", reason, "check the path and the rights on it", path));
            return [];
        }

        return ReadText(text, path, problems);
    }

    /// <summary>The values of a text that stands for the file.</summary>
    public static IReadOnlyList<SettingValue> ReadText(string text, string path, ICollection<Problem> problems)
    {
        var root = YamlTree.Read(text, mark => Place(path, mark), problems);
        var values = new List<SettingValue>();
        switch (root)
        {
            case null or ConfigScalar { IsNull: true }:
                break;
            case ConfigMap map:
                ReadSection(map, "", values, problems);
                break;
            default:
                problems.Add(
                    root.Origin.Problem("", "the file is not a list of sections", "write 'node:' and the like")
                );
                break;
        }

        return values;
    }

    private static void ReadSection(
        ConfigMap section,
        string path,
        List<SettingValue> values,
        ICollection<Problem> problems
    )
    {
        foreach (var entry in section.Entries)
        {
            var key = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            if (entry.Key.Contains('.') || (SettingsTable.Find(key) is null && !SettingNames.IsSection(key)))
            {
                // 'node.name: x' is one name to YAML; taken for two, it could stand beside 'node: { name: y }'.
                problems.Add(
                    entry.KeyOrigin.Problem(key, $"unknown key '{entry.Key}'", SettingNames.Suggest(path, entry.Key))
                );
            }
            else if (SettingsTable.Find(key) is { } setting)
            {
                if (setting.TryRead(entry.Value, problems, out var value))
                {
                    values.Add(new SettingValue(setting, value, entry.Value.Origin));
                }
            }
            else if (entry.Value is ConfigMap inner)
            {
                ReadSection(inner, key, values, problems);
            }
            else if (entry.Value is not ConfigScalar { IsNull: true })
            {
                problems.Add(
                    entry.Value.Origin.Problem(
                        key,
                        $"{key} is a section, not a value",
                        $"write its keys below it: {string.Join(", ", SettingNames.In(key))}"
                    )
                );
            }
        }
    }

    private static Origin Place(string path, Mark mark) => new(OriginKind.File, path, (int)mark.Line, (int)mark.Column);
}
