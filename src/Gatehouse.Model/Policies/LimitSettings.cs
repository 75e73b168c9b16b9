using System.Collections.Immutable;
using System.ComponentModel;
using System.Net;
using System.Text.RegularExpressions;

namespace Gatehouse.Model;

/// <summary>Settings of <c>size-limit</c>.</summary>
public sealed record SizeLimitSettings : IPolicySettings
{
    /// <summary>Largest request body in bytes.</summary>
    [Description("The largest request body, in bytes; refused with 413")]
    public long? Request { get; set; }

    /// <summary>Largest answer body in bytes.</summary>
    [Description("The largest answer, in bytes; refused with 502, or cut when its length was not declared")]
    public long? Answer { get; set; }

    IEnumerable<Problem> IPolicySettings.Check()
    {
        if (Request < 0)
        {
            yield return new("/request", "A size is not negative");
        }

        if (Answer < 0)
        {
            yield return new("/answer", "A size is not negative");
        }
    }
}

/// <summary>Settings of <c>ip-filter</c>.</summary>
public sealed record IpFilterSettings : IPolicySettings
{
    /// <summary>Networks that may call.</summary>
    [Description("Addresses or networks (10.0.0.0/8) that may call; anybody when empty")]
    public ImmutableArray<string> Allow { get; set; } = [];

    /// <summary>Networks that may not, whatever <see cref="Allow"/> says.</summary>
    [Description("Addresses or networks that may not call, whatever allow says")]
    public ImmutableArray<string> Deny { get; set; } = [];

    /// <summary>An address is a network of one; null when the text is neither.</summary>
    public static IPNetwork? NetworkOf(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new(address, address.GetAddressBytes().Length * 8)
        : null;

    IEnumerable<Problem> IPolicySettings.Check()
    {
        foreach (var (pointer, list) in new[] { ("/allow", Allow), ("/deny", Deny) })
        {
            for (var i = 0; i < list.Length; i++)
            {
                if (NetworkOf(list[i]) is null)
                {
                    yield return new(
                        $"{pointer}/{i}",
                        $"'{list[i]}' is neither an address nor a network",
                        "write 203.0.113.7 or 203.0.113.0/24"
                    );
                }
            }
        }
    }
}

/// <summary>Settings of <c>json-limits</c>.</summary>
public sealed record JsonLimitsSettings : IPolicySettings
{
    /// <summary>Largest body in bytes.</summary>
    [Description("The largest JSON body, in bytes; it is read as a whole")]
    public int MaxBytes { get; set; } = 1024 * 1024;

    /// <summary>Deepest nesting.</summary>
    [Description("The deepest nesting of objects and arrays")]
    public int MaxDepth { get; set; } = 32;

    /// <summary>Most members of one object.</summary>
    [Description("The most members of one object")]
    public int MaxMembers { get; set; } = 256;

    /// <summary>Most items of one array.</summary>
    [Description("The most items of one array")]
    public int MaxItems { get; set; } = 10_000;

    /// <summary>Longest name in bytes.</summary>
    [Description("The longest name of a member, in bytes as sent")]
    public int MaxNameLength { get; set; } = 256;

    /// <summary>Longest string in bytes.</summary>
    [Description("The longest string, in bytes as sent")]
    public int MaxStringLength { get; set; } = 64 * 1024;

    IEnumerable<Problem> IPolicySettings.Check() =>
        Bounds.Check(
            ("maxBytes", MaxBytes, 64 << 20),
            ("maxDepth", MaxDepth, 1000),
            ("maxMembers", MaxMembers, int.MaxValue),
            ("maxItems", MaxItems, int.MaxValue),
            ("maxNameLength", MaxNameLength, int.MaxValue),
            ("maxStringLength", MaxStringLength, int.MaxValue)
        );
}

/// <summary>Settings of <c>xml-limits</c>.</summary>
public sealed record XmlLimitsSettings : IPolicySettings
{
    /// <summary>Largest body in bytes.</summary>
    [Description(
        "The largest XML body, in bytes; it is read as a whole. A document type (DTD) is refused whatever its size"
    )]
    public int MaxBytes { get; set; } = 1024 * 1024;

    /// <summary>Deepest nesting.</summary>
    [Description("The deepest nesting of elements")]
    public int MaxDepth { get; set; } = 64;

    /// <summary>Most elements.</summary>
    [Description("The most elements of the document")]
    public int MaxElements { get; set; } = 10_000;

    /// <summary>Most attributes of one element.</summary>
    [Description("The most attributes of one element")]
    public int MaxAttributes { get; set; } = 64;

    /// <summary>Longest text in characters.</summary>
    [Description("The longest text or attribute value, in characters")]
    public int MaxTextLength { get; set; } = 64 * 1024;

    IEnumerable<Problem> IPolicySettings.Check() =>
        Bounds.Check(
            ("maxBytes", MaxBytes, 64 << 20),
            ("maxDepth", MaxDepth, 1000),
            ("maxElements", MaxElements, int.MaxValue),
            ("maxAttributes", MaxAttributes, int.MaxValue),
            ("maxTextLength", MaxTextLength, int.MaxValue)
        );
}

/// <summary>Settings of <c>regex-limits</c>.</summary>
public sealed record RegexLimitsSettings : IPolicySettings
{
    /// <summary>A request is refused that one of them matches.</summary>
    [Description(
        "Regular expressions; a request that one of them matches is refused. No look-around and no back references: their time would not be bounded"
    )]
    public ImmutableArray<string> Patterns { get; set; } = [];

    /// <summary>Where they are looked for.</summary>
    [Description("Where they are looked for: path and query (decoded), headers, body")]
    public ImmutableArray<string> In { get; set; } = ["path", "query"];

    /// <summary>Largest body that is read for it.</summary>
    [Description("The largest body that is looked into, in bytes; a larger one is refused")]
    public int MaxBytes { get; set; } = 1024 * 1024;

    IEnumerable<Problem> IPolicySettings.Check()
    {
        foreach (var problem in Bounds.Check(("maxBytes", MaxBytes, 64 << 20)))
        {
            yield return problem;
        }

        if (Patterns.Length > 64)
        {
            yield return new("/patterns", "There are more than 64 patterns");
        }

        for (var i = 0; i < Patterns.Length; i++)
        {
            if (PatternProblem(Patterns[i]) is { } why)
            {
                yield return new($"/patterns/{i}", why);
            }
        }

        for (var i = 0; i < In.Length; i++)
        {
            if (In[i] is not ("path" or "query" or "headers" or "body"))
            {
                yield return new($"/in/{i}", $"'{In[i]}' is no place; use path, query, headers or body");
            }
        }
    }

    private static string? PatternProblem(string pattern)
    {
        if (pattern.Length is 0 or > 1000)
        {
            return "A pattern has 1 to 1000 characters";
        }

        try
        {
            _ = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return null;
        }
        catch (Exception bad) when (bad is ArgumentException or NotSupportedException)
        {
            return $"Not a regular expression that can be matched in bounded time: {bad.Message}";
        }
    }
}

/// <summary>One check for all numbers that are bounds.</summary>
internal static class Bounds
{
    public static IEnumerable<Problem> Check(params (string Name, int Value, int Most)[] bounds) =>
        bounds
            .Where(b => b.Value < 1 || b.Value > b.Most)
            .Select(b => new Problem($"/{b.Name}", $"{b.Name} is 1 to {b.Most}"));
}
