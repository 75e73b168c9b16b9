using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace Gatehouse.Client;

/// <summary>Which command lists the names of a kind: the way out of "There is no KIND 'NAME'", which a manager says of any kind alike.</summary>
internal static partial class NameLists
{
    /// <summary>The command for each kind, by the word that managers call it.</summary>
    public static FrozenDictionary<string, string> Commands { get; } =
        new Dictionary<string, string>
        {
            ["alert rule"] = "gatehouse alert rules",
            ["API"] = "gatehouse api list",
            ["API policy"] = "gatehouse limit list",
            ["application"] = "gatehouse app list",
            ["application policy"] = "gatehouse limit list",
            ["block"] = "gatehouse block list",
            ["custom rule"] = "gatehouse limit list",
            ["document"] = "gatehouse doc list API",
            ["environment"] = "gatehouse environment list",
            ["issuer"] = "gatehouse issuer list",
            ["join token"] = "gatehouse token list",
            ["key"] = "gatehouse key list APP",
            ["node"] = "gatehouse node list",
            ["plan"] = "gatehouse plan list",
            ["revision"] = "gatehouse revision list API",
            ["session"] = "gatehouse user sessions",
            ["subscription"] = "gatehouse sub list",
            ["task"] = "gatehouse task list",
            ["user"] = "gatehouse user list",
        }.ToFrozenDictionary();

    /// <summary>What to do about it; null when it is about no name, or about one of a kind that no command lists.</summary>
    /// <param name="title">What the manager says.</param>
    public static string? FixFor(string title) =>
        Missing().Match(title) is { Success: true } match
        && Commands.GetValueOrDefault(match.Groups["kind"].Value) is { } command
            ? $"'{command}' lists the names"
            : null;

    [GeneratedRegex("^There is no (?<kind>[A-Za-z ]+) '")]
    private static partial Regex Missing();
}
