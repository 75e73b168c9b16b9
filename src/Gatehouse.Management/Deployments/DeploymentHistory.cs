using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>One moment at which the gateways began to serve something else.</summary>
/// <param name="At">When.</param>
/// <param name="Api"><c>name:version</c>.</param>
/// <param name="Revision">What they serve from then on; null for nothing.</param>
/// <param name="By">Who did it.</param>
public sealed record DeploymentMark(DateTimeOffset At, string Api, int? Revision, string By)
{
    /// <summary>The environment.</summary>
    public string Environment { get; init; } = GatewayEnvironment.Default;
}

/// <summary>When what was deployed, told from the audit trail: what a chart of traffic has to be read beside.</summary>
public sealed class DeploymentHistory(CatalogueDatabase database)
{
    private const int Most = 200;

    // As the trail writes the kind of an entity; what is found is read properly below.
    private const string OfApis = $"\"kind\":\"{EntityKinds.Api}\"";

    /// <summary>The newest deployments within a stretch of time, oldest first.</summary>
    /// <param name="from">From this moment on.</param>
    /// <param name="to">Up to this moment.</param>
    /// <param name="api">Only of this API; null for all.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<ImmutableArray<DeploymentMark>> ListAsync(
        DateTimeOffset from,
        DateTimeOffset to,
        string? api,
        CancellationToken cancellation
    )
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var rows = await context
                .Audit.AsNoTracking()
                .Where(a => a.At >= from && a.At < to && a.Changes.Contains(OfApis))
                .OrderByDescending(a => a.Id)
                .Take(Most)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            return [.. rows.SelectMany(Read).Where(m => api is null || m.Api == api).OrderBy(m => m.At)];
        }
    }

    private static IEnumerable<DeploymentMark> Read(AuditRow row) =>
        from edit in JsonSerializer.Deserialize(row.Changes, ManagementJson.Default.IReadOnlyListAuditEdit) ?? []
        where edit.Kind == EntityKinds.Api
        let now = RevisionOf(edit.After)
        where now != RevisionOf(edit.Before)
        let place = DeploymentName.Parse(edit.Name)
        select new DeploymentMark(row.At, place.Api, now, row.Actor) { Environment = place.Environment };

    private static int? RevisionOf(JsonNode? api) =>
        api is JsonObject content && content["revision"] is JsonValue value && value.TryGetValue(out int number)
            ? number
            : null;
}
