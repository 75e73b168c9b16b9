using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>The <c>throttle</c> mediator with a policy in it: limits by caller address, written in WS-Policy.</summary>
internal sealed class ThrottleReader(Import import)
{
    /// <summary>Makes an API policy of it and names that at the resource.</summary>
    public void Read(ElementReader xml, XElement throttle, ResourceDraft resource, string api)
    {
        var groups = new JsonArray();
        string? quota = null;
        foreach (var id in throttle.Descendants().Where(e => e.Name.LocalName == "ID"))
        {
            var control = id.ElementsAfterSelf().SelectMany(e => e.DescendantsAndSelf()).ToList();
            var count = Number(control, "MaximumCount");
            var unit = Number(control, "UnitTime");
            var type = id.Attributes().FirstOrDefault(a => a.Name.LocalName == "type")?.Value;
            if (count is null || unit is null || type is not ("IP" or null))
            {
                continue;
            }

            var limit = QuotaText(count.Value, unit.Value);
            var who = ElementReader.TextOf(id);
            if (who.Equals("other", StringComparison.OrdinalIgnoreCase))
            {
                quota = limit;
            }
            else
            {
                groups.Add(
                    new JsonObject
                    {
                        ["conditions"] = new JsonArray(new JsonObject { ["kind"] = "ip", ["value"] = who }),
                        ["quota"] = limit,
                    }
                );
            }
        }

        if (quota is null && groups.Count == 0)
        {
            xml.NeedsYou(
                throttle,
                $"{SynapseVerdicts.Todo("throttle")}; its policy is not one of maximum and time by address"
            );
        }
        else
        {
            var name =
                $"{new string([.. api.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')])}-{(string?)throttle.Attribute("id") ?? "throttle"}";
            var document = new JsonObject { ["name"] = name, ["description"] = $"of the throttle mediator of {api}" };
            if (quota is not null)
            {
                document["quota"] = quota;
            }

            if (groups.Count > 0)
            {
                document["groups"] = groups;
            }

            import.Add(new ImportedLimit("api-policies", name, document));
            resource.Limit = name;
            xml.Converted(throttle, $"api-policies/{name}", "sliding, and over all workers together");
        }

        foreach (var inner in throttle.Descendants())
        {
            xml.NotNeeded(inner, "part of the throttle above");
        }
    }

    /// <summary><c>5/min</c> of a count and milliseconds.</summary>
    public static string QuotaText(long count, long milliseconds)
    {
        var seconds = Math.Max(1, (milliseconds + 999) / 1000);
        return seconds switch
        {
            _ when seconds % 86_400 == 0 => Text(seconds / 86_400, "day"),
            _ when seconds % 3_600 == 0 => Text(seconds / 3_600, "h"),
            _ when seconds % 60 == 0 => Text(seconds / 60, "min"),
            _ => Text(seconds, "s"),
        };

        string Text(long n, string unit) =>
            string.Create(CultureInfo.InvariantCulture, $"{count}/{(n == 1 ? "" : n)}{unit}");
    }

    private static long? Number(List<XElement> elements, string name) =>
        elements.FirstOrDefault(e => e.Name.LocalName == name) is { } element
        && long.TryParse(ElementReader.TextOf(element), NumberStyles.None, CultureInfo.InvariantCulture, out var n)
        && n > 0
            ? n
            : null;
}
