using System.Collections;
using System.Globalization;
using System.Net.Http.Json;
using Gatehouse.Cli;

namespace Gatehouse.Client;

/// <summary>One request to the REST API: <see cref="ManagerApi"/> makes it, <see cref="ManagerClient"/> sends it.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">From the root, escaped.</param>
internal sealed record ManagerRequest(HttpMethod Method, string Path)
{
    /// <summary>The state that is changed; null for the one that was read last, if any was.</summary>
    public const string IfMatch = "If-Match";

    /// <summary>Names a request that is done once; null for a new one.</summary>
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>True when it may be sent again without being done again.</summary>
    public bool IsOnce => Headers.Any(h => h is (IdempotencyKey, not null));

    /// <summary>The query: what is null is left out, a list is its name once for each value.</summary>
    public IReadOnlyList<(string Name, object? Value)> Query { get; init; } = [];

    /// <summary>Headers; what is null is left out.</summary>
    public IReadOnlyList<(string Name, string? Value)> Headers { get; init; } = [];

    /// <summary>A record, which is sent as JSON, or an <see cref="HttpContent"/>; null for none.</summary>
    public object? Body { get; init; }

    /// <summary>The body as it is sent; null for none.</summary>
    public HttpContent? ToContent() =>
        Body is null or HttpContent
            ? Body as HttpContent
            : JsonContent.Create(Body, Body.GetType(), options: ManagerClient.Json);

    /// <summary>Where it goes at one manager.</summary>
    public Uri UrlAt(Uri manager)
    {
        var pairs = Query.SelectMany(q => Texts(q.Value).Select(text => $"{q.Name}={Uri.EscapeDataString(text)}"));
        var query = string.Join('&', pairs);
        return new(manager, query.Length == 0 ? Path : $"{Path}?{query}");
    }

    /// <summary>
    /// A name as one segment of a path. A <see cref="CommandFailure"/> for what is none: <c>..</c> would lead to another resource,
    /// whatever is escaped.
    /// </summary>
    public static string Segment(string name) =>
        name switch
        {
            "" => throw new CommandFailure(ExitCode.Usage, "a name is empty", fix: "write the name"),
            "." or ".." => throw new CommandFailure(ExitCode.Usage, $"'{name}' is no name", fix: "write the name"),
            _ => Uri.EscapeDataString(name),
        };

    /// <summary>A number as one segment of a path.</summary>
    public static string Segment(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A name with slashes of its own as the rest of a path.</summary>
    public static string Segments(string name) => string.Join('/', name.Split('/').Select(Segment));

    private static IEnumerable<string> Texts(object? value) =>
        value switch
        {
            null => [],
            string text => [text],
            bool flag => [flag ? "true" : "false"],
            DateTimeOffset time => [time.ToString("O", CultureInfo.InvariantCulture)],
            IEnumerable several => several.Cast<object?>().SelectMany(Texts),
            _ => [Convert.ToString(value, CultureInfo.InvariantCulture)!],
        };
}
