using System.Text.Json.Nodes;
using Gatehouse.Gateway;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>What the load balancer answers by itself: <c>{ status, location }</c>, <c>{ status, body, contentType }</c>, or <c>off</c>.</summary>
internal sealed class HostReturnKind : ValueKind<HostReturn>
{
    private const string Form =
        "write { status: 301, location: 'https://$host$request_uri' }, { status: 200, body: ok }, or off";
    private static readonly string[] s_fields = ["status", "location", "body", "contentType"];
    private static readonly ValueKind<int> s_status = new ScalarKind<int>(
        "status",
        "write a number from 200 to 599",
        s =>
            int.TryParse(s.Text, out var status) && status is >= 200 and <= 599
                ? status
                : new Parsed<int>(0, $"'{s.Text}' is not the status of an answer"),
        v => v,
        () =>
            new()
            {
                ["type"] = "integer",
                ["minimum"] = 200,
                ["maximum"] = 599,
            }
    );
    private static readonly ValueKind<string> s_text = new ScalarKind<string>(
        "text",
        "write a text of at most 8192 characters",
        s => s.Text.Length <= 8192 ? s.Text : new Parsed<string>(null, "the text is too long"),
        v => v,
        () => new() { ["type"] = "string", ["maxLength"] = 8192 }
    );

    public override string Name => "answer";

    public override bool TryRead(ConfigNode node, string key, ICollection<Problem> problems, out HostReturn value)
    {
        value = HostReturn.Off;
        if (node is ConfigScalar { Text: "off" })
        {
            return true;
        }

        if (node is not ConfigMap map)
        {
            return WrongShape(node, key, problems, Form);
        }

        var section = new SectionReader(map, key, problems, s_fields);
        value = new()
        {
            Status = section.Read("status", s_status, 0),
            Location = section.Read("location", s_text, null!),
            Body = section.Read("body", s_text, null!),
            ContentType = section.Read("contentType", s_text, "text/plain; charset=utf-8"),
        };
        if (section.IsGood)
        {
            Check(section, value);
        }

        return section.IsGood;
    }

    private static void Check(SectionReader section, HostReturn value)
    {
        if (value.Status == 0)
        {
            section.Add("status", "the answer has no status", Form);
        }
        else if (HostReturn.IsRedirect(value.Status) != (value.Location is not null))
        {
            section.Add(
                "location",
                value.Location is null
                    ? $"status {value.Status} sends a caller nowhere"
                    : $"status {value.Status} sends nobody elsewhere",
                "a location belongs to status 301, 302, 303, 307 and 308, and each of them needs one"
            );
        }
        else if (value.Location is { } location)
        {
            if (CallText.Parse(location, out var problem) is null)
            {
                section.Add("location", problem!, $"of a call there are {CallText.Names}");
            }
            else if (
                HeaderRules.ValueProblem(location) is not null
                || !(
                    location.StartsWith("https://", StringComparison.Ordinal)
                    || location.StartsWith("http://", StringComparison.Ordinal)
                    || location.StartsWith("$scheme://", StringComparison.Ordinal)
                    || location.StartsWith("$uri", StringComparison.Ordinal)
                    || location.StartsWith("$request_uri", StringComparison.Ordinal)
                    || location is ['/', not '/', ..] or "/"
                )
            )
            {
                section.Add("location", $"'{location}' is no place to go", "begin it with https://, http:// or one /");
            }
        }

        if (value.Body is not null && value.Status is 204 or 205 or 304)
        {
            section.Add("body", $"status {value.Status} has no body", "take the body out");
        }

        if (value.ContentType.Length == 0 || HeaderRules.ValueProblem(value.ContentType) is not null)
        {
            section.Add("contentType", "this is not a media type", "write one such as application/json");
        }
    }

    public override JsonNode? Write(HostReturn value)
    {
        if (value.Status == 0)
        {
            return "off";
        }

        var json = new JsonObject { ["status"] = value.Status };
        if (value.Location is not null)
        {
            json["location"] = value.Location;
        }

        if (value.Body is not null)
        {
            json["body"] = value.Body;
            json["contentType"] = value.ContentType;
        }

        return json;
    }

    public override JsonObject Schema() =>
        new()
        {
            ["oneOf"] = new JsonArray(
                new JsonObject { ["enum"] = new JsonArray("off", false) },
                new JsonObject
                {
                    ["type"] = "object",
                    ["additionalProperties"] = false,
                    ["required"] = new JsonArray("status"),
                    ["properties"] = new JsonObject
                    {
                        ["status"] = s_status.Schema(),
                        ["location"] = s_text.Schema(),
                        ["body"] = s_text.Schema(),
                        ["contentType"] = s_text.Schema(),
                    },
                }
            ),
        };
}
