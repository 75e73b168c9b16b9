using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>The tree that the dotted keys of the settings table form, and what somebody may have meant by a key that is not in it.</summary>
internal static class SettingNames
{
    private static readonly Dictionary<string, List<string>> s_sections = Sections();

    /// <summary>True for <c>listen</c> and <c>listen.gateway</c>.</summary>
    public static bool IsSection(string key) => s_sections.ContainsKey(key);

    /// <summary>The names directly in a section; the empty key is the root.</summary>
    public static IReadOnlyList<string> In(string section) => s_sections[section];

    /// <summary>How to mend a name that is not in its section: the nearest name in it, or where that name really is, and what is allowed.</summary>
    public static string Suggest(string section, string name)
    {
        var allowed = $"llowed here: {string.Join(", ", In(section))}";
        if (NearestName.Of(name, In(section)) is { } nearest)
        {
            return $"did you mean '{nearest}'? A{allowed}";
        }

        var whole = section.Length == 0 ? name : $"{section}.{name}";
        if (SettingsTable.Find(whole) is not null)
        {
            return $"write each name of it on a line of its own, below '{name.Split('.')[0]}:'";
        }

        var elsewhere = SettingsTable.All.FirstOrDefault(s =>
            s.Key == name || s.Key.EndsWith($".{name}", StringComparison.Ordinal)
        );
        return elsewhere is null ? $"a{allowed}" : $"did you mean '{elsewhere.Key}'? A{allowed}";
    }

    /// <summary>The nearest whole key to one that may name no section at all.</summary>
    public static string SuggestAnywhere(string unknown) =>
        NearestName.Of(unknown, SettingsTable.All.Select(s => s.Key)) is { } nearest ? $"did you mean '{nearest}'?"
        : IsSection(unknown) ? $"it is a section; name one of its keys: {string.Join(", ", In(unknown))}"
        : "'gatehouse config show' lists every key";

    private static Dictionary<string, List<string>> Sections()
    {
        var sections = new Dictionary<string, List<string>> { [""] = [] };
        foreach (var setting in SettingsTable.All)
        {
            var parts = setting.Key.Split('.');
            for (var i = 0; i < parts.Length; i++)
            {
                var section = string.Join('.', parts[..i]);
                if (!sections.TryGetValue(section, out var names))
                {
                    sections[section] = names = [];
                }

                if (!names.Contains(parts[i]))
                {
                    names.Add(parts[i]);
                }
            }
        }

        return sections;
    }
}
