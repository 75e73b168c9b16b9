using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// Plans and limits: <c>tiers.xml</c>, <c>app-tiers.xml</c>, <c>res-tiers.xml</c> of 1.x (WS-Policy), and rate limiting policies
/// that apictl 4.x exports as YAML.
/// </summary>
internal static class Tiers
{
    private static readonly string[] s_folders = ["repository/conf", "repository/resources"];

    /// <summary>Reads every tier file of a home.</summary>
    public static void ReadHome(string home, Import import)
    {
        foreach (var folder in s_folders.Select(f => Path.Combine(home, f)).Where(Directory.Exists))
        {
            foreach (
                var file in Directory
                    .EnumerateFiles(folder, "*tiers*.xml", SearchOption.AllDirectories)
                    .Concat(
                        Directory
                            .EnumerateDirectories(folder, "default-tiers", SearchOption.AllDirectories)
                            .SelectMany(d => Directory.EnumerateFiles(d, "*.xml"))
                    )
                    .Distinct(StringComparer.Ordinal)
                    .Order(StringComparer.Ordinal)
            )
            {
                ReadXml(file, import);
            }
        }
    }

    /// <summary>A WS-Policy file of tiers.</summary>
    public static void ReadXml(string file, Import import)
    {
        if (SafeXml.ReadFile(file, import.Log) is not { Root: not null } document)
        {
            return;
        }

        var xml = new ElementReader(document, file, import.Log, new Dictionary<string, Verdict>());
        var kind = Path.GetFileName(file) switch
        {
            var name when name.Contains("app", StringComparison.OrdinalIgnoreCase) => "application-policies",
            var name when name.Contains("res", StringComparison.OrdinalIgnoreCase) => "api-policies",
            _ => "plans",
        };
        foreach (var id in xml.Root.Descendants().Where(e => e.Name.LocalName == "ID"))
        {
            ReadTier(xml, id, kind, import);
        }

        foreach (var element in xml.Root.Descendants().Where(e => !e.HasElements))
        {
            xml.NotNeeded(element, "part of the tier");
        }

        xml.Finish();
    }

    private static void ReadTier(ElementReader xml, XElement id, string kind, Import import)
    {
        var name = ElementReader.TextOf(id);
        var control = id.Parent!;
        var count = Number(control, "MaximumCount");
        var unit = Number(control, "UnitTime");
        if (name is "Unlimited" || name.Length == 0)
        {
            xml.NotNeeded(id, "Unlimited needs no plan");
            return;
        }

        var document = new JsonObject { ["name"] = name, ["description"] = Described(control) ?? "" };
        if (count is { } n && unit is { } milliseconds)
        {
            document["quota"] = ThrottleReader.QuotaText(n, milliseconds);
            import.Add(new ImportedLimit(kind, name, document));
            xml.Converted(id, $"{kind}/{name}", (string?)document["quota"]);
        }
        else
        {
            xml.NeedsYou(id, "the tier has no maximum and time: create it with 'gatehouse plan create'");
        }
    }

    private static string? Described(XElement control) =>
        control.Descendants().FirstOrDefault(e => e.Name.LocalName is "Description" or "X-WSO2-DESCRIPTION") is { } text
            ? ElementReader.TextOf(text)
            : null;

    private static long? Number(XElement control, string name) =>
        control.Descendants().FirstOrDefault(e => e.Name.LocalName == name) is { } element
        && long.TryParse(ElementReader.TextOf(element), NumberStyles.None, CultureInfo.InvariantCulture, out var n)
        && n > 0
            ? n
            : null;

    /// <summary>True for a policy that apictl exported.</summary>
    public static bool IsPolicy(DataNode root) =>
        root["type"]?.Text?.EndsWith("policy", StringComparison.OrdinalIgnoreCase) is true && root["data"] is DataMap;

    /// <summary>A rate limiting policy of apictl 4.x.</summary>
    public static void ReadYaml(DataNode root, Import import)
    {
        var log = new DataReader(import.Log);
        var data = root["data"]!;
        var subtype = (root["subtype"]?.Text ?? root["type"]?.Text ?? "").ToLowerInvariant();
        var name = data["policyName"]?.Text;
        var limit = data["defaultLimit"];
        var kind =
            subtype.Contains("application", StringComparison.Ordinal) ? "application-policies"
            : subtype.Contains("advanced", StringComparison.Ordinal)
            || subtype.Contains("api", StringComparison.Ordinal)
                ? "api-policies"
            : "plans";
        if (name is not null && OldPlans.IsUnbounded(name))
        {
            log.NotNeeded(data["policyName"], "data.policyName", "it needs none here");
            log.NotNeeded(data, "data", "of the old publisher");
            return;
        }

        if (
            name is not null
            && ((string[])["eventCount", "aiApiQuota"]).FirstOrDefault(t => limit?[t] is DataMap) is { } type
        )
        {
            log.NeedsYou(
                limit![type],
                $"data.defaultLimit.{type}",
                $"it counts {OldPlans.Uncounted(type)}, and here requests and bytes are counted: make a plan of that name by those, 'gatehouse plan create {name} --rate …'"
            );
            return;
        }

        if (name is null || Quota(limit) is not { } quota)
        {
            log.NeedsYou(
                data,
                "data",
                "the policy has no name or no limit of requests or bytes: create it with 'gatehouse plan create' or 'gatehouse limit create'"
            );
            return;
        }

        var document = new JsonObject
        {
            ["name"] = name,
            ["description"] = data["description"]?.Text ?? "",
            ["quota"] = quota,
        };
        if (kind == "plans")
        {
            if (
                data["rateLimitCount"]?.Text is { } burst
                && int.TryParse(burst, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
                && n > 0
            )
            {
                var perMinute = data["rateLimitTimeUnit"]?.Text is "min";
                document["burst"] = perMinute ? Math.Max(1, n / 60) : n;
                log.Converted(data["rateLimitCount"], "data.rateLimitCount", "burst");
            }

            document["stopOnQuotaReach"] = data["stopOnQuotaReach"]?.Text is not "false";
            log.Converted(data["stopOnQuotaReach"], "data.stopOnQuotaReach", "stopOnQuotaReach");
        }

        import.Add(new ImportedLimit(kind, name, document));
        log.Converted(data["policyName"], "data.policyName", $"{kind}/{name}", quota);
        log.Converted(limit, "data.defaultLimit", "quota");
        if (data["conditionalGroups"]?.Items.Length > 0)
        {
            log.NeedsYou(
                data["conditionalGroups"],
                "data.conditionalGroups",
                "groups are made over REST, api-policies, or with 'gatehouse limit create api'"
            );
        }

        foreach (var (member, _, value) in data.Members)
        {
            log.NotNeeded(value, $"data.{member}", "of the old publisher");
        }
    }

    private static string? Quota(DataNode? limit)
    {
        var (what, suffix) =
            limit?["bandwidth"] is DataMap bandwidth ? (bandwidth, bandwidth["dataUnit"]?.Text ?? "KB")
            : limit?["requestCount"] is DataMap requests ? (requests, "")
            : ((DataNode?)null, "");
        var amount = (what?["requestCount"] ?? what?["dataAmount"])?.Text;
        return amount is null || what!["timeUnit"]?.Text is not { } unit
            ? null
            : $"{amount}{suffix}/{(what["unitTime"]?.Text is null or "1" ? "" : what["unitTime"]!.Text)}{unit switch { "sec" => "s", "hours" or "hour" => "h", "days" or "day" => "day", "months" or "month" => "month", "years" or "year" => "year", _ => "min" }}";
    }
}
