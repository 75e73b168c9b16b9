using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class AuditEndpoints
{
    private const int MostAtOnce = 500;

    public static void MapAudit(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/audit", ReadAsync).WithSummary("Who did what, the newest first").Require(Permission.Audit);
        rest.MapGet("/audit/verdict", VerifyAsync)
            .WithSummary("Whether the audit's chain holds")
            .Require(Permission.Audit);
    }

    private static async Task<Ok<AuditPage>> ReadAsync(
        AuditTrail trail,
        CancellationToken cancellation,
        long? before = null,
        int limit = 50
    )
    {
        if (limit is < 1 or > MostAtOnce)
        {
            throw new ProblemsException([new("limit", $"limit is {limit}", $"ask for 1 to {MostAtOnce} entries")]);
        }

        var rows = await trail.ReadAsync(before, limit, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(
            new AuditPage(
                [
                    .. rows.Select(r => new AuditEntry(
                        r.Id,
                        r.At,
                        r.Actor,
                        r.From,
                        r.Summary,
                        JsonNode.Parse(r.Changes),
                        r.Chain
                    )),
                ],
                rows.Count == limit && rows[^1].Id > 1 ? rows[^1].Id : null
            )
        );
    }

    private static async Task<Ok<AuditVerdict>> VerifyAsync(AuditTrail trail, CancellationToken cancellation)
    {
        var broken = await trail.FindBreakAsync(cancellation).ConfigureAwait(false);
        return TypedResults.Ok(new AuditVerdict(broken is null, broken));
    }
}
