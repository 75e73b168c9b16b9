using Gatehouse.Model;
using Gatehouse.Wso2;

namespace Gatehouse.Configuration;

/// <summary>The weakest layer of a node that runs from an old home: what its files say, each value with its file and line.</summary>
internal static class HomeLayer
{
    /// <summary>The values the home's files set.</summary>
    public static IReadOnlyList<SettingValue> Read(HomeSource source, ICollection<Problem> problems)
    {
        var home = source.Read();
        foreach (var problem in home.Log.Problems)
        {
            problems.Add(problem);
        }

        var values = new List<SettingValue>();
        foreach (var read in home.Settings)
        {
            if (SettingsTable.Find(read.Key) is { } setting && setting.TryRead(NodeOf(read), problems, out var value))
            {
                values.Add(new SettingValue(setting, value, OriginOf(read.Place)));
            }
        }

        return values;
    }

    private static ConfigNode NodeOf(HomeSetting setting) =>
        setting.Value switch
        {
            HomeValue.Text text => new ConfigScalar(text.Value, Quoted: true, OriginOf(setting.Place)),
            HomeValue.List list => new ConfigList(
                [.. list.Items.Select(i => new ConfigScalar(i.Value, Quoted: true, OriginOf(i.Place)))],
                OriginOf(setting.Place)
            ),
            HomeValue.Map map => new ConfigMap(
                [
                    .. map.Entries.Select(e => new ConfigEntry(
                        e.Name,
                        OriginOf(e.Place),
                        new ConfigScalar(e.Value, Quoted: true, OriginOf(e.Place))
                    )),
                ],
                OriginOf(setting.Place)
            ),
            _ => throw new InvalidOperationException($"{setting.Value.GetType().Name} is no value of a setting."),
        };

    private static Origin OriginOf(Place place) => new(OriginKind.File, place.File, place.Line, place.Column);
}
