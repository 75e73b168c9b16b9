using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Gatehouse.Commands;

/// <summary>Lengths of time on the command line: <c>90d</c>, <c>24h</c>, <c>30m</c>, <c>45s</c>.</summary>
internal static class Duration
{
    public static Option<TimeSpan?> Option(string name, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "TIME",
            CustomParser = Parse,
        };

    /// <summary>False on anything that is no length of time, or more than a hundred years.</summary>
    public static bool TryParse(string text, out TimeSpan time)
    {
        time = default;
        if (
            text.Length < 2
            || !int.TryParse(
                text.AsSpan(0, text.Length - 1),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var n
            )
        )
        {
            return false;
        }

        var unit = text[^1] switch
        {
            's' => TimeSpan.FromSeconds(1),
            'm' => TimeSpan.FromMinutes(1),
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            _ => TimeSpan.Zero,
        };
        if (unit == TimeSpan.Zero || n > TimeSpan.FromDays(36_500) / unit)
        {
            return false;
        }

        time = n * unit;
        return true;
    }

    private static TimeSpan? Parse(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (TryParse(text, out var time))
        {
            return time;
        }

        result.AddError($"'{text}' is no length of time; write 45s, 30m, 24h or 90d");
        return null;
    }
}
