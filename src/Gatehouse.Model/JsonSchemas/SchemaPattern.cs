using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Gatehouse.Model;

/// <summary>
/// A regular expression of a schema. They are written in ECMA-262's dialect (2020-12 §6.4) and matched in time linear in the
/// text; one with look-around or back references, which cannot be, gets a few milliseconds and ends the check when they pass.
/// </summary>
internal sealed class SchemaPattern
{
    private const int Longest = 4000;
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    private readonly Regex _regex;

    private SchemaPattern(Regex regex) => _regex = regex;

    /// <summary>Throws <see cref="FormatException"/> when it cannot be read.</summary>
    public static SchemaPattern Of(string pattern)
    {
        if (pattern.Length > Longest)
        {
            throw new FormatException($"The pattern is longer than {Longest} characters");
        }

        var translated = Translate(pattern);
        try
        {
            return new(new(translated, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));
        }
        catch (NotSupportedException)
        {
            return new(new(translated, RegexOptions.CultureInvariant, s_patience));
        }
        catch (ArgumentException bad)
        {
            throw new FormatException($"The pattern is no regular expression: {bad.Message}", bad);
        }
    }

    public bool Matches(string text, SchemaRun run)
    {
        if (!run.Spend(1 + (text.Length / 4)))
        {
            return false;
        }

        try
        {
            return _regex.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            run.GiveUp("takes too long to match against its pattern");
            return false;
        }
    }

    /// <summary>True when text is a regular expression, for <c>format: regex</c>.</summary>
    public static bool IsPattern(string text)
    {
        try
        {
            // \Z, \a and the like are .NET's and not ECMA's.
            for (var i = 0; i + 1 < text.Length; i++)
            {
                if (text[i] == '\\' && text[++i] is 'Z' or 'a' or 'A' or 'z' or 'e' or 'G')
                {
                    return false;
                }
            }

            _ = Of(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    // Where .NET reads the same text otherwise: \d, \w and \s by ASCII, $ only at the very end, \u{…}, long names of scripts.
    private static string Translate(string pattern)
    {
        var result = new StringBuilder(pattern.Length + 16);
        var inClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                i = Escape(pattern, i + 1, inClass, result);
                continue;
            }

            if (c == '[' && inClass)
            {
                // .NET subtracts a class by -[; in ECMA this is a character.
                result.Append("\\[");
                continue;
            }

            inClass = c == '[' || (inClass && c != ']');
            result.Append(c == '$' && !inClass ? @"\z" : c.ToString());
        }

        return result.ToString();
    }

    private static int Escape(string pattern, int at, bool inClass, StringBuilder result)
    {
        switch (pattern[at])
        {
            case 'd':
                result.Append(inClass ? "0-9" : "[0-9]");
                return at;
            case 'D' when !inClass:
                result.Append("[^0-9]");
                return at;
            case 'w':
                result.Append(inClass ? "a-zA-Z0-9_" : "[a-zA-Z0-9_]");
                return at;
            case 'W' when !inClass:
                result.Append("[^a-zA-Z0-9_]");
                return at;
            case 's':
                result.Append(inClass ? @"\s\uFEFF" : @"[\s\uFEFF]");
                return at;
            case 'S' when !inClass:
                result.Append(@"[^\s\uFEFF]");
                return at;
            case 'u' when pattern.AsSpan(at + 1).StartsWith("{") && pattern.IndexOf('}', at) is > 0 and var end:
                var code = pattern[(at + 2)..end];
                result.Append(
                    code.Length <= 6
                    && int.TryParse(code, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
                    && Rune.TryCreate(number, out var rune)
                        ? Regex.Escape(rune.ToString())
                        : ""
                );
                return end;
            case 'p' or 'P' when pattern.AsSpan(at + 1).StartsWith("{") && pattern.IndexOf('}', at) is > 0 and var end:
                result
                    .Append('\\')
                    .Append(pattern[at])
                    .Append('{')
                    .Append(Category(pattern[(at + 2)..end]))
                    .Append('}');
                return end;
            default:
                result.Append('\\').Append(pattern[at]);
                return at;
        }
    }

    private static string Category(string name) =>
        name switch
        {
            "Letter" or "Alphabetic" => "L",
            "Lowercase_Letter" or "Lowercase" => "Ll",
            "Uppercase_Letter" or "Uppercase" => "Lu",
            "Number" => "N",
            "digit" or "Decimal_Number" => "Nd",
            "Punctuation" => "P",
            "Symbol" => "S",
            "Separator" => "Z",
            "Mark" => "M",
            _ => name,
        };
}
