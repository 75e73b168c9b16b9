using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Tells what differs between two states of an API, in its words and in its document's text.</summary>
public sealed class RevisionComparison(ApiDefinitions definitions, Revisions revisions)
{
    /// <summary>Without <paramref name="to"/>: against the definition as it stands. Without <paramref name="from"/>: from the newest revision. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<RevisionDiff> CompareAsync(string id, int? from, int? to, CancellationToken cancellation)
    {
        var current = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var before = from is { } older
            ? await revisions.GetAsync(current.Name, older, cancellation).ConfigureAwait(false)
            : await revisions.FindLatestAsync(current.Name, cancellation).ConfigureAwait(false)
                ?? throw new NotFoundException("revision of", current.Name);
        var after = to is { } newer
            ? (await revisions.GetAsync(current.Name, newer, cancellation).ConfigureAwait(false)).Definition
            : current.Value;
        return new(
            $"r{before.Number}",
            to is null ? "definition" : $"r{to}",
            ApiComparison.Compare(before.Definition, after),
            await DocumentDiffAsync(before.Definition.Document, after.Document, cancellation).ConfigureAwait(false)
        );
    }

    private async Task<string?> DocumentDiffAsync(Digest? before, Digest? after, CancellationToken cancellation)
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
