using System.Buffers;
using System.Collections.Immutable;
using System.ComponentModel;
using System.Text.Json.Serialization;

namespace Gatehouse.Model;

/// <summary>Settings of <c>headers</c>.</summary>
public sealed record HeadersSettings : IPolicySettings
{
    /// <summary>What happens to the request's.</summary>
    [Description("What happens to the headers of the request")]
    public HeaderEdits Request { get; set; } = new();

    /// <summary>What happens to the answer's.</summary>
    [Description("What happens to the headers of the answer")]
    public HeaderEdits Answer { get; set; } = new();

    /// <summary>Whether the gateway's own problems get the answer's edits too.</summary>
    [Description("Whether problems that the gateway tells get the edits of the answer too")]
    public bool OnFaults { get; set; }

    IEnumerable<Problem> IPolicySettings.Check() => [.. Request.Check("/request"), .. Answer.Check("/answer")];
}

/// <summary>Edits of one set of headers, done in this order.</summary>
public sealed record HeaderEdits
{
    /// <summary>Names of headers that go.</summary>
    [Description("Names of headers that are removed, first")]
    public ImmutableArray<string> Remove { get; set; } = [];

    /// <summary>Old name to new name.</summary>
    [Description(
        "Old name: new name. A header that is not there is passed over; one that has the new name already is replaced"
    )]
    public ImmutableSortedDictionary<string, string> Rename { get; set; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Name to value, in the place of what is there.</summary>
    [Description("Name: value, in the place of what is there")]
    public ImmutableSortedDictionary<string, string> Set { get; set; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Name to value, beside what is there.</summary>
    [Description("Name: value, beside what is there")]
    public ImmutableSortedDictionary<string, string> Add { get; set; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>True when nothing is edited.</summary>
    [JsonIgnore]
    public bool IsEmpty => Remove.IsEmpty && Rename.IsEmpty && Set.IsEmpty && Add.IsEmpty;

    internal IEnumerable<Problem> Check(string pointer)
    {
        for (var i = 0; i < Remove.Length; i++)
        {
            if (HeaderRules.NameProblem(Remove[i]) is { } why)
            {
                yield return new($"{pointer}/remove/{i}", why);
            }
        }

        foreach (var (name, value) in Rename)
        {
            if (HeaderRules.NameProblem(name) is { } why)
            {
                yield return new($"{pointer}/rename/{name}", why);
            }

            if (HeaderRules.NameProblem(value) is { } whyNew)
            {
                yield return new($"{pointer}/rename/{name}", whyNew);
            }
        }

        foreach (var (kind, edits) in new[] { ("set", Set), ("add", Add) })
        {
            foreach (var (name, value) in edits)
            {
                if ((HeaderRules.NameProblem(name) ?? HeaderRules.ValueProblem(value)) is { } why)
                {
                    yield return new($"{pointer}/{kind}/{name}", why);
                }
            }
        }
    }
}

/// <summary>Which headers a policy may touch.</summary>
public static class HeaderRules
{
    private static readonly SearchValues<char> s_token = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    );

    // Framing, connection and identity: who changes these changes what the message is, not what it says.
    private static readonly ImmutableHashSet<string> s_ours = ImmutableHashSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "TE",
        "Trailer",
        "Proxy-Connection",
        "Expect",
        "X-Request-Id",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Server"
    );

    /// <summary>True for what RFC 9110 §5.6.2 calls a token, of at most 128 characters.</summary>
    public static bool IsToken(string name) =>
        name.Length is > 0 and <= 128 && !name.AsSpan().ContainsAnyExcept(s_token);

    /// <summary>Why a policy may not write a header of that name; null when it may.</summary>
    public static string? NameProblem(string name) =>
        !IsToken(name) ? $"'{name}' is not the name of a header"
        : s_ours.Contains(name) ? $"{name} is written by the gateway itself"
        : null;

    /// <summary>Why that cannot be a header's value; null when it can.</summary>
    public static string? ValueProblem(string value) =>
        value.Length > 8192 ? "The value is longer than 8192 characters"
        : value.Any(c => c is not '\t' and (< ' ' or '\u007f' or > '\u00ff'))
            ? "The value has a control character or one outside Latin-1"
        : value.Length > 0 && (value[0] is ' ' or '\t' || value[^1] is ' ' or '\t')
            ? "The value begins or ends with a space"
        : null;
}
