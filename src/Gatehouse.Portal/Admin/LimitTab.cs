using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Portal.Admin;

/// <summary>One kind of limit as the pages name it.</summary>
/// <param name="Path">In REST's path and in ours.</param>
/// <param name="Title">Of many.</param>
/// <param name="Word">Of one.</param>
/// <param name="Command">On the command line.</param>
/// <param name="Lead">What it is for.</param>
internal sealed record LimitTab(string Path, string Title, string Word, string Command, string Lead)
{
    public static IReadOnlyList<LimitTab> All { get; } =
    [
        new(
            "plans",
            "Plans",
            "plan",
            "plan",
            "What one application may ask of one API version; chosen when it subscribes."
        ),
        new(
            "application-policies",
            "Application policies",
            "application policy",
            "limit application",
            "What one application may ask of all APIs together."
        ),
        new(
            "api-policies",
            "API policies",
            "API policy",
            "limit api",
            "What may be asked of an API or an operation, by whom and from where; set by its publisher."
        ),
        new(
            "custom-rules",
            "Custom rules",
            "custom rule",
            "limit rule",
            "A limit for whatever a key made of the request's parts stands for, over all APIs."
        ),
    ];

    public static LimitTab Find(string? path) =>
        path is null
            ? All[0]
            : All.FirstOrDefault(k => k.Path == path) ?? throw new NotFoundException("kind of limit", path);
}

/// <summary>One limit in a list.</summary>
internal sealed record LimitLine(string Name, string Description, string Allows, string How)
{
    public static async Task<List<LimitLine>> ListAsync(
        LimitTab tab,
        LimitPolicies policies,
        CancellationToken cancellation
    ) =>
        tab.Path switch
        {
            "plans" =>
            [
                .. (await policies.ListAsync(LimitKinds.Plans, cancellation).ConfigureAwait(false)).Select(
                    p => new LimitLine(
                        p.Name,
                        p.Description,
                        Allowed(p.Quota, p.Burst),
                        $"{(p.StopOnQuotaReach == true ? "stops at its quota" : "runs over and counts it")}, {p.Billing}"
                    )
                ),
            ],
            "application-policies" =>
            [
                .. (await policies.ListAsync(LimitKinds.Applications, cancellation).ConfigureAwait(false)).Select(
                    p => new LimitLine(
                        p.Name,
                        p.Description,
                        Allowed(p.Quota, p.Burst),
                        p.PerUser == true ? "each user for themselves" : "all users together"
                    )
                ),
            ],
            "api-policies" =>
            [
                .. (await policies.ListAsync(LimitKinds.Apis, cancellation).ConfigureAwait(false)).Select(
                    p => new LimitLine(
                        p.Name,
                        p.Description,
                        Allowed(p.Quota, null),
                        (p.PerUser ? "each user for themselves" : "all callers together")
                            + (p.Groups.IsEmpty ? "" : $", {p.Groups.Length} conditional")
                    )
                ),
            ],
            _ =>
            [
                .. (await policies.ListAsync(LimitKinds.Rules, cancellation).ConfigureAwait(false)).Select(
                    p => new LimitLine(p.Name, p.Description, p.Quota.ToString(), $"for each {p.Key}")
                ),
            ],
        };

    private static string Allowed(Quota? quota, int? burst) =>
        (quota?.ToString() ?? "without bound") + (burst is { } most ? $", at most {most}/s" : "");
}
