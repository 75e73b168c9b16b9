using System.CommandLine;
using System.CommandLine.Parsing;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>A limit on a command line: <c>5000/min</c>, <c>2GB/day</c>, <c>unlimited</c>.</summary>
internal static class Rate
{
    /// <summary>An option that takes one; null is no bound.</summary>
    public static Option<Quota?> Option(string name, string description, bool required = false) =>
        new(name)
        {
            Description = description,
            HelpName = "RATE",
            Required = required,
            CustomParser = Read,
        };

    /// <summary>Reads a rate, or the word for none; reports what is wrong with <paramref name="report"/>.</summary>
    public static Quota? Read(string text, Action<string> report)
    {
        if (text.Equals("unlimited", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (Quota.TryParse(text, out var quota, out var problem))
        {
            return quota;
        }

        report($"'{text}' is no rate. {problem}");
        return null;
    }

    private static Quota? Read(ArgumentResult result) => Read(result.Tokens.Single().Value, result.AddError);
}
