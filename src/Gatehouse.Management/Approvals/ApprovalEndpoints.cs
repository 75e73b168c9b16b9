using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class ApprovalEndpoints
{
    public static void MapApprovals(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/tasks", ListAsync)
            .WithSummary("What waits for an approval, and what became of it")
            .Require(Permission.Read);
        rest.MapPost("/tasks/{id}", DecideAsync).WithSummary("Approves or rejects a task").Require(Permission.Publish);
        rest.MapGet("/approval-settings", ShowAsync).WithSummary("What needs an approval").Require(Permission.Read);
        rest.MapPut("/approval-settings", SaveAsync)
            .WithSummary("Says what needs an approval")
            .Conditional()
            .Require(Permission.Administer);
    }

    private static async Task<Ok<Page<ApprovalTask>>> ListAsync(
        string? state,
        int? limit,
        int? offset,
        Caller caller,
        ApprovalDecisions decisions,
        CancellationToken cancellation
    )
    {
        ApprovalState? wanted =
            state is null ? null
            : Enum.TryParse<ApprovalState>(state, ignoreCase: true, out var known) && !char.IsDigit(state[0]) ? known
            : throw new ProblemsException([
                new(
                    "state",
                    $"'{OpenApi.Excerpt.Of(state)}' is no state of a task",
                    "take pending, approved, rejected or used"
                ),
            ]);
        return TypedResults.Ok(
            Paging.Of(await decisions.ListAsync(wanted, caller, cancellation).ConfigureAwait(false), limit, offset)
        );
    }

    private static async Task<Ok<ApprovalTask>> DecideAsync(
        string id,
        Decision decision,
        Caller caller,
        ApprovalDecisions decisions,
        CancellationToken cancellation
    ) => TypedResults.Ok(await decisions.DecideAsync(id, decision, caller, cancellation).ConfigureAwait(false));

    private static async Task<Ok<ApprovalSettings>> ShowAsync(
        HttpResponse response,
        Approvals approvals,
        CancellationToken cancellation
    )
    {
        var (settings, epoch) = await approvals.SettingsAsync(cancellation).ConfigureAwait(false);
        response.SetEntityTag(epoch);
        return TypedResults.Ok(settings);
    }

    private static async Task<Ok<ApprovalSettings>> SaveAsync(
        ApprovalSettings settings,
        HttpContext http,
        Caller caller,
        Approvals approvals,
        CancellationToken cancellation
    )
    {
        await approvals
            .SaveAsync(settings, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Ok(settings);
    }
}
