using System.Collections.Immutable;
using System.Text;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class RevisionEndpoints
{
    public static void MapRevisions(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/revisions", ListAsync).Require(Permission.Read);
        rest.MapGet("/apis/{id}/revisions/{number:int}", ShowAsync).Require(Permission.Read);
        rest.MapGet("/apis/{id}/diff", DiffAsync).Require(Permission.Read);
    }

    private static async Task<Ok<Page<RevisionView>>> ListAsync(
        string id,
        int? limit,
        int? offset,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var all = await revisions.ListAsync(definition.Name, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(Paging.Of(all, limit, offset));
    }

    private static async Task<Ok<ApiDefinition>> ShowAsync(
        string id,
        int number,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var revision = await revisions.GetAsync(definition.Name, number, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(revision.Definition);
    }

    /// <summary>Without <c>to</c>: against the definition as it stands. Without <c>from</c>: from the newest revision.</summary>
    private static async Task<Ok<RevisionDiff>> DiffAsync(
        string id,
        int? from,
        int? to,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var current = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var before = from is { } older
            ? await revisions.GetAsync(current.Name, older, cancellation).ConfigureAwait(false)
            : await revisions.FindLatestAsync(current.Name, cancellation).ConfigureAwait(false)
                ?? throw new NotFoundException("revision of", current.Name);
        var after = to is { } newer
            ? (await revisions.GetAsync(current.Name, newer, cancellation).ConfigureAwait(false)).Definition
            : current.Value;
        return TypedResults.Ok(
            new RevisionDiff(
                $"r{before.Number}",
                to is null ? "definition" : $"r{to}",
                ApiComparison.Compare(before.Definition, after),
                await DocumentDiffAsync(definitions, before.Definition.Document, after.Document, cancellation)
                    .ConfigureAwait(false)
            )
        );
    }

    private static async Task<string?> DocumentDiffAsync(
        ApiDefinitions definitions,
        Digest? before,
        Digest? after,
        CancellationToken cancellation
    )
    {
        if (before == after)
        {
            return "";
        }

        var old = await definitions.FindDocumentAsync(before, cancellation).ConfigureAwait(false);
        var now = await definitions.FindDocumentAsync(after, cancellation).ConfigureAwait(false);
        return TextDiff.Unified(
            Encoding.UTF8.GetString(old?.Content ?? []),
            Encoding.UTF8.GetString(now?.Content ?? [])
        );
    }
}
