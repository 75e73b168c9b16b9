using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>One <c>server</c> or <c>location</c> while it is read, on its way to <c>balancer.hosts</c>.</summary>
/// <param name="path">What the location's path begins with; null for a server.</param>
/// <param name="isExact">The location is <c>= path</c>.</param>
internal sealed class NginxHostRule(string? path, bool isExact)
{
    private readonly SortedDictionary<string, string> _request = new(StringComparer.OrdinalIgnoreCase);
    private readonly SortedDictionary<string, string> _always = new(StringComparer.OrdinalIgnoreCase);
    private readonly SortedDictionary<string, string> _unlessError = new(StringComparer.OrdinalIgnoreCase);

    public string? Path => path;

    /// <summary>Names that it is for, where these are not the server's.</summary>
    public string[]? Hosts { get; init; }

    /// <summary>The scheme that it is for, where this is not the server's.</summary>
    public string? Scheme { get; init; }

    /// <summary>What NGINX answers by itself.</summary>
    public JsonNode? Return { get; set; }

    public JsonObject? Rate { get; set; }

    /// <summary>It hands calls to nodes.</summary>
    public bool Passes { get; set; }

    public bool HasAnswerHeaders => _always.Count + _unlessError.Count > 0;

    public bool IsEmpty => Return is null && Rate is null && _request.Count == 0 && !HasAnswerHeaders;

    public void SetRequestHeader(string name, string value) => _request[name] = value;

    public void SetAnswerHeader(string name, string value, bool always) =>
        (always ? _always : _unlessError)[name] = value;

    /// <summary>Takes what stands around all servers, where it has none of its own, as NGINX does.</summary>
    public void Inherit(NginxHostRule outer)
    {
        Rate ??= (JsonObject?)outer.Rate?.DeepClone();
        if (_request.Count == 0)
        {
            Copy(outer._request, _request);
        }

        if (!HasAnswerHeaders)
        {
            Copy(outer._always, _always);
            Copy(outer._unlessError, _unlessError);
        }
    }

    /// <summary>As the settings have it: one section, or two where some headers are kept from errors.</summary>
    public IEnumerable<JsonObject> ToJson(IReadOnlyList<string> hosts, string? scheme)
    {
        var first = Section(hosts, scheme);
        Add(first, "return", Return?.DeepClone());
        Add(first, "requestHeaders", Map(_request));
        Add(first, "answerHeaders", Map(_always));
        Add(first, "rate", Rate?.DeepClone());
        if (Return is not null || Rate is not null || _request.Count + _always.Count > 0 || _unlessError.Count == 0)
        {
            yield return first;
        }

        if (_unlessError.Count > 0)
        {
            var second = Section(hosts, scheme);
            Add(second, "answerHeaders", Map(_unlessError));
            second["onErrors"] = false;
            yield return second;
        }
    }

    private JsonObject Section(IReadOnlyList<string> hosts, string? scheme)
    {
        var section = new JsonObject();
        var names = Hosts ?? hosts;
        Add(section, "hosts", names.Count == 0 ? null : new JsonArray([.. names.Select(h => (JsonNode)h)]));
        Add(section, "scheme", Scheme ?? scheme);
        Add(section, "path", path);
        Add(section, "exact", isExact ? true : null);
        return section;
    }

    private static void Copy(SortedDictionary<string, string> from, SortedDictionary<string, string> to)
    {
        foreach (var (name, value) in from)
        {
            to[name] = value;
        }
    }

    private static JsonObject? Map(SortedDictionary<string, string> headers) =>
        headers.Count == 0 ? null : new(headers.Select(h => KeyValuePair.Create(h.Key, (JsonNode?)h.Value)));

    private static void Add(JsonObject section, string name, JsonNode? value)
    {
        if (value is not null)
        {
            section[name] = value;
        }
    }
}
