using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Gatehouse.Portal.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Portal.Admin;

/// <summary>The whole audit as JSON lines, the newest first, each with its chain so that the file can be checked on its own.</summary>
internal static class AuditExport
{
    private const int PageSize = 500;

    public static void MapAuditExport(this IEndpointRouteBuilder app) =>
        app.MapGet(
                "/admin/audit.jsonl",
                async (HttpContext http, AuditTrail trail, CancellationToken cancellation) =>
                {
                    http.Response.ContentType = "application/jsonl";
                    long? before = null;
                    while (true)
                    {
                        var rows = await trail.ReadAsync(before, PageSize, cancellation).ConfigureAwait(false);
                        foreach (var row in rows)
                        {
                            await http
                                .Response.WriteAsync(
                                    JsonSerializer.Serialize(
                                        new
                                        {
                                            id = row.Id,
                                            at = row.At,
                                            actor = row.Actor,
                                            from = row.From,
                                            summary = row.Summary,
                                            changes = JsonNode.Parse(row.Changes),
                                            chain = row.Chain.ToString(),
                                        }
                                    ) + "\n",
                                    cancellation
                                )
                                .ConfigureAwait(false);
                        }

                        if (rows.Count < PageSize)
                        {
                            return;
                        }

                        before = rows[^1].Id;
                    }
                }
            )
            .RequireAuthorization(policy => policy.AddRequirements(new NeedsAttribute(Permission.Audit)));
}
