using System.Globalization;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>Plans of subscriptions and policies of applications, as 2.x and later keep them (<c>AM_POLICY_*</c>).</summary>
internal static class OldPlans
{
    /// <summary>The tables.</summary>
    public static readonly string[] Tables = ["AM_POLICY_SUBSCRIPTION", "AM_POLICY_APPLICATION"];

    /// <summary>What is read of both tables.</summary>
    public static readonly string[] Columns =
    [
        "NAME",
        "TENANT_ID",
        "DESCRIPTION",
        "QUOTA_TYPE",
        "QUOTA",
        "QUOTA_UNIT",
        "UNIT_TIME",
        "TIME_UNIT",
        "RATE_LIMIT_COUNT",
        "RATE_LIMIT_TIME_UNIT",
        "STOP_ON_QUOTA_REACH",
    ];

    /// <summary>The plan or policy of a row; null for one that needs none, and when the log says why not.</summary>
    public static ImportedLimit? Read(OldRow row, ReadingLog log)
    {
        var isPlan = row.Table.Name == Tables[0];
        var kind = isPlan ? "plans" : "application-policies";
        var name = row["NAME"];
        if (IsUnbounded(name))
        {
            log.Add(Outcome.NotNeeded, row, name, "it needs none here");
            return null;
        }

        // Taken for requests, such a number would be another bound than it was.
        if (Uncounted(row["QUOTA_TYPE"]) is { } what)
        {
            log.Add(
                Outcome.NeedsYou,
                row,
                name,
                $"it counts {what}, {row["QUOTA"]} in {row["UNIT_TIME"]} {row["TIME_UNIT"]}, and here requests and bytes are counted: make a plan of that name by those, 'gatehouse plan create {name} --rate …', before subscriptions are taken over"
            );
            return null;
        }

        if (row.Number("QUOTA") is not > 0 || Unit(row["TIME_UNIT"]) is not { } unit)
        {
            log.Add(
                Outcome.NeedsYou,
                row,
                name,
                $"it has no quota and time that can be read: create it with 'gatehouse {(isPlan ? "plan" : "limit")} create'"
            );
            return null;
        }

        var isBytes = row["QUOTA_TYPE"].StartsWith("bandwidth", StringComparison.OrdinalIgnoreCase);
        var quota = string.Create(
            CultureInfo.InvariantCulture,
            $"{row["QUOTA"]}{(isBytes ? row["QUOTA_UNIT"] is { Length: > 0 } size ? size : "KB" : "")}/{(row.Number("UNIT_TIME") is > 1 and var n ? n : "")}{unit}"
        );
        var document = new JsonObject
        {
            ["name"] = name,
            ["description"] = row["DESCRIPTION"],
            ["quota"] = quota,
        };
        if (isPlan)
        {
            if (row.Number("RATE_LIMIT_COUNT") is > 0 and <= int.MaxValue and var burst)
            {
                document["burst"] = row["RATE_LIMIT_TIME_UNIT"] is "min" ? Math.Max(1, burst / 60) : burst;
            }

            document["stopOnQuotaReach"] = row["STOP_ON_QUOTA_REACH"] is not ("0" or "f" or "false");
        }

        var note =
            isPlan && name == Model.Plan.Unauthenticated
                ? $"{quota}, of each address on operations that ask for no credentials"
                : quota;
        log.Add(Outcome.Converted, row, name, note, target: $"{kind}/{name}");
        return new(kind, name, document);
    }

    /// <summary>True for the tiers that bound nothing, or are only there because WSO2 needs one: here there is none in their place.</summary>
    public static bool IsUnbounded(string name) =>
        name
            is Model.Plan.Unlimited
                or "AsyncUnlimited"
                or "AsyncWHUnlimited"
                or "DefaultSubscriptionless"
                or "AsyncDefaultSubscriptionless";

    /// <summary>What a quota counts that is neither requests nor bytes; null for those.</summary>
    public static string? Uncounted(string quotaType) =>
        quotaType.ToLowerInvariant() switch
        {
            "eventcount" => "events of streams",
            "aiapiquota" => "tokens of language models",
            _ => null,
        };

    private static string? Unit(string unit) =>
        unit.ToLowerInvariant() switch
        {
            "sec" or "second" or "seconds" => "s",
            "min" or "minute" or "minutes" => "min",
            "hour" or "hours" => "h",
            "day" or "days" => "day",
            "month" or "months" => "month",
            "year" or "years" => "year",
            _ => null,
        };
}
