using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>
/// Reads <c>GATEHOUSE_SECTION__KEY</c>, and <c>GATEHOUSE_SECTION__KEY_FILE</c> whose value is a file that holds the value. A
/// variable with a section that means nothing is a problem: ignored, it would be a setting somebody believes in.
/// </summary>
internal static class EnvironmentLayer
{
    private const string Prefix = "GATEHOUSE_";

    /// <summary>The values the environment sets.</summary>
    public static IReadOnlyList<SettingValue> Read(
        IEnumerable<KeyValuePair<string, string>> environment,
        ICollection<Problem> problems
    )
    {
        var values = new List<SettingValue>();
        foreach (var (name, text) in environment.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            if (name == "ASPNETCORE_URLS" && text.Length > 0)
            {
                problems.Add(
                    new Problem(
                        "",
                        "ASPNETCORE_URLS does not move Gatehouse's listeners",
                        "unset it and use GATEHOUSE_LISTEN__GATEWAY__HTTPS and the like, or 'listen' in gatehouse.yaml",
                        name
                    )
                );
            }
            else if (Find(name) is { } setting)
            {
                ReadText(setting, new Origin(OriginKind.Environment, name), text, values, problems);
            }
            else if (FindFile(name) is { } fromFile)
            {
                ReadFile(fromFile, name, text, values, problems);
            }
            else if (name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && name.Contains("__"))
            {
                problems.Add(new Problem("", $"unknown variable '{name}'", Suggest(name), name));
            }
        }

        return values;
    }

    /// <summary>Reads a value given as text: as it is, or as YAML when it is a list or a map.</summary>
    public static void ReadText(
        Setting setting,
        Origin origin,
        string text,
        ICollection<SettingValue> values,
        ICollection<Problem> problems
    )
    {
        var node = setting.IsScalar
            ? new ConfigScalar(text, Quoted: true, origin)
            : ParseStructure(text, origin, problems);
        if (node is not null && setting.TryRead(node, problems, out var value))
        {
            values.Add(new SettingValue(setting, value, origin));
        }
    }

    private static ConfigNode? ParseStructure(string text, Origin origin, ICollection<Problem> problems)
    {
        if (text.TrimStart() is ['[' or '{', ..])
        {
            return YamlTree.Read(text, _ => origin, problems);
        }

        var items = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new ConfigList([.. items.Select(i => new ConfigScalar(i, Quoted: true, origin))], origin);
    }

    private static void ReadFile(
        Setting setting,
        string variable,
        string path,
        ICollection<SettingValue> values,
        ICollection<Problem> problems
    )
    {
        try
        {
            var text = File.ReadAllText(path).TrimEnd('\r', '\n');
            ReadText(setting, new Origin(OriginKind.Environment, $"{variable}={path}"), text, values, problems);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            problems.Add(
                new Problem(
                    setting.Key,
                    $"the file named by {variable} cannot be read: {e.Message}",
                    "check the path and the rights on it",
                    variable
                )
            );
        }
    }

    private static Setting? Find(string variable) =>
        SettingsTable.All.FirstOrDefault(s => s.Variable.Equals(variable, StringComparison.OrdinalIgnoreCase));

    private static Setting? FindFile(string variable) =>
        variable.EndsWith("_FILE", StringComparison.OrdinalIgnoreCase) ? Find(variable[..^"_FILE".Length]) : null;

    private static string Suggest(string variable)
    {
        var known = SettingsTable.All.Select(s => s.Variable).ToList();
        var upper = variable.ToUpperInvariant();
        var owner = known.FirstOrDefault(k => upper.StartsWith($"{k}__", StringComparison.Ordinal));
        return owner is not null ? $"{owner} takes the whole value, lists with commas between"
            : NearestName.Of(upper, known) is { } nearest ? $"did you mean {nearest}?"
            : "'gatehouse config schema' lists every key; unset what is not one";
    }
}
