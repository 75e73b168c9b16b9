using System.Collections.Immutable;
using System.ComponentModel;

namespace Gatehouse.Model;

/// <summary>Settings of <c>rewrite</c>.</summary>
public sealed record RewriteSettings : IPolicySettings
{
    /// <summary>The path that goes out.</summary>
    [Description(
        "The path that goes to the backend, with {name} for a part of the operation's template and {*} for what its * matched; the caller's when left out"
    )]
    public string? Path { get; set; }

    /// <summary>The method that goes out.</summary>
    [Description("The method that goes to the backend; the caller's when left out")]
    public string? Method { get; set; }

    /// <summary>Parameters of the query that go.</summary>
    [Description("Names of query parameters that are removed")]
    public ImmutableArray<string> RemoveQuery { get; set; } = [];

    /// <summary>Parameters of the query that are set.</summary>
    [Description("Name: value of query parameters, in the place of what is there; encoded by the gateway")]
    public ImmutableSortedDictionary<string, string> SetQuery { get; set; } =
        ImmutableSortedDictionary<string, string>.Empty;

    IEnumerable<Problem> IPolicySettings.Check()
    {
        if (
            Path is not null
            && (Path is not ['/', ..] || Path.AsSpan().IndexOfAny('?', '#') >= 0 || Path.Length > 2000)
        )
        {
            yield return new("/path", $"'{Path}' is no path: it begins with '/' and has no query");
        }

        if (
            Method is not null
            && (Method.Length is 0 or > 32 || !Method.All(char.IsAsciiLetterUpper) || Method == "CONNECT")
        )
        {
            yield return new("/method", $"'{Method}' is not an upper-case HTTP method");
        }
    }
}
