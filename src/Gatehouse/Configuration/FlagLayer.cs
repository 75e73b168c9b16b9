using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>Reads values from the command line: flags of their own, and <c>--set KEY=VALUE</c>.</summary>
internal static class FlagLayer
{
    /// <summary>The values the flags set.</summary>
    public static IReadOnlyList<SettingValue> Read(IEnumerable<FlagValue> flags, ICollection<Problem> problems)
    {
        var values = new List<SettingValue>();
        foreach (var flag in flags)
        {
            var origin = new Origin(OriginKind.Flag, flag.Flag);
            if (SettingsTable.Find(flag.Key) is { } setting)
            {
                EnvironmentLayer.ReadText(setting, origin, flag.Text, values, problems);
            }
            else
            {
                problems.Add(
                    origin.Problem(flag.Key, $"unknown key '{flag.Key}'", SettingNames.SuggestAnywhere(flag.Key))
                );
            }
        }

        return values;
    }
}
