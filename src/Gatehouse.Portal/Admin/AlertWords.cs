using Gatehouse.Management;
using Gatehouse.Portal.Kit;

namespace Gatehouse.Portal.Admin;

/// <summary>Alert rules as people read them.</summary>
internal static class AlertWords
{
    /// <summary>As REST and command line spell it.</summary>
    public static string Of(AlertTrigger trigger) =>
        System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName($"{trigger}");

    /// <summary>For people.</summary>
    public static string Title(AlertTrigger trigger) =>
        trigger switch
        {
            AlertTrigger.NodeLost => "A node is lost",
            AlertTrigger.Stale => "A node is behind",
            AlertTrigger.Refused => "A node refuses a change",
            AlertTrigger.Certificate => "A certificate cannot be renewed",
            AlertTrigger.ErrorRate => "Calls of an API fail",
            AlertTrigger.Approval => "Something waits for approval",
            _ => "Any other alert",
        };

    /// <summary>What it watches, with what narrows it.</summary>
    public static string Watches(AlertRule rule) =>
        rule.On == AlertTrigger.ErrorRate
            ? $"more than {rule.Percent.ToString("0.##", System.Globalization.CultureInfo.InvariantCulture)} % of at least {Words.Number(rule.AtLeast)} calls within {Words.Count(rule.Minutes, "minute")}{(rule.Api is { } api ? $", of {api}" : "")}"
        : rule.Node is { } node ? $"of {node}"
        : "";

    /// <summary>An address without its path, which is its secret.</summary>
    public static string Cut(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var read) ? $"{read.GetLeftPart(UriPartial.Authority)}/…" : "…";
}
