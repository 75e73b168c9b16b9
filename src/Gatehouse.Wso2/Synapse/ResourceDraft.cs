using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>What mediators of one resource came to, as policies of its operations.</summary>
internal sealed class ResourceDraft
{
    private readonly Dictionary<string, string> _requestSet = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _requestRemove = [];
    private readonly Dictionary<string, string> _answerSet = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _answerRemove = [];

    public EndpointDraft Production { get; } = new();

    public EndpointDraft Sandbox { get; } = new();

    public string? RewritePath { get; set; }

    public string? RewriteMethod { get; set; }

    public int? CacheSeconds { get; set; }

    public int? CacheMaxBody { get; set; }

    /// <summary>An answer made of a fixed payload, with its status.</summary>
    public (string Body, string ContentType)? Mock { get; set; }

    public int MockStatus { get; set; } = 200;

    public string? Limit { get; set; }

    public void SetHeader(bool ofRequest, string name, string value) =>
        (ofRequest ? _requestSet : _answerSet)[name] = value;

    public void RemoveHeader(bool ofRequest, string name)
    {
        var list = ofRequest ? _requestRemove : _answerRemove;
        if (!list.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            list.Add(name);
        }
    }

    /// <summary>As <c>x-gatehouse-policies</c>; null when there are none.</summary>
    public JsonArray? ToPolicies()
    {
        var policies = new JsonArray();
        var headers = new JsonObject();
        Edits("request", _requestSet, _requestRemove);
        Edits("answer", _answerSet, _answerRemove);
        Add("headers", headers);

        var rewrite = new JsonObject();
        if (RewritePath is not null)
        {
            rewrite["path"] = RewritePath;
        }

        if (RewriteMethod is not null)
        {
            rewrite["method"] = RewriteMethod;
        }

        Add("rewrite", rewrite);
        if (CacheSeconds is { } seconds)
        {
            var cache = new JsonObject { ["defaultSeconds"] = seconds };
            if (CacheMaxBody is { } bytes)
            {
                cache["maxBodyBytes"] = bytes;
            }

            Add("cache", cache);
        }

        if (Mock is { } mock)
        {
            Add(
                "mock",
                new JsonObject
                {
                    ["answers"] = new JsonArray(
                        new JsonObject
                        {
                            ["status"] = MockStatus,
                            ["contentType"] = mock.ContentType,
                            ["body"] = mock.Body,
                        }
                    ),
                }
            );
        }

        return policies.Count == 0 ? null : policies;

        void Add(string name, JsonObject settings)
        {
            if (settings.Count > 0)
            {
                policies.Add(new JsonObject { ["name"] = name, ["settings"] = settings });
            }
        }

        void Edits(string member, Dictionary<string, string> set, List<string> remove)
        {
            var edits = new JsonObject();
            if (remove.Count > 0)
            {
                edits["remove"] = new JsonArray([.. remove.Select(n => (JsonNode)n)]);
            }

            if (set.Count > 0)
            {
                edits["set"] = new JsonObject(
                    set.OrderBy(s => s.Key, StringComparer.Ordinal)
                        .Select(s => KeyValuePair.Create(s.Key, (JsonNode?)s.Value))
                );
            }

            if (edits.Count > 0)
            {
                headers[member] = edits;
            }
        }
    }
}
