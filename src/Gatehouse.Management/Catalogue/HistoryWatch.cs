using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>
/// Notices a catalogue that was put back behind the managers' backs: its epoch is lower than one they saw, or its chain is
/// another. It then begins a new history, so that every node reads everything again, and tells what is undone as far as this
/// manager remembers. It remembers in a file, so that a manager notices what happened while it was down.
/// </summary>
public sealed partial class HistoryWatch(Catalogue catalogue, ManagementOptions options, ILogger<HistoryWatch> logger)
{
    private const int MostRemembered = 2_000;

    private readonly CatalogueFeed _feed = new(catalogue);
    private volatile SeenHistory? _seen;
    private volatile bool _dirty;

    /// <summary>Looks at the head once. Returns it, or that of the history it had to begin.</summary>
    public async Task<CatalogueHead> ObserveAsync(CancellationToken cancellation)
    {
        _seen ??= Load();
        HeadRow row;
        Dictionary<long, Digest> marks;
        List<SeenChange> changes;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var snapshot = await catalogue.Database.BeginSnapshotAsync(context, cancellation).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                row = await context.Head.AsNoTracking().SingleAsync(cancellation).ConfigureAwait(false);
                var after = _seen?.History == row.History ? _seen.Epoch : row.Epoch - MostRemembered;
                marks = await MarksAsync(context, after, cancellation).ConfigureAwait(false);
                changes = await context
                    .Entities.AsNoTracking()
                    .Where(e => e.Epoch > after)
                    .OrderByDescending(e => e.Epoch)
                    .Take(MostRemembered)
                    .Select(e => new SeenChange(e.Epoch, e.Kind, e.Name, e.Deleted))
                    .ToListAsync(cancellation)
                    .ConfigureAwait(false);
            }
        }

        var head = new CatalogueHead(row.History, row.Epoch, row.Chain);
        if (_seen is { } seen && IsPutBack(seen, row, marks))
        {
            head = await BeginAnewAsync(seen, row, cancellation).ConfigureAwait(false);
            // The new history is looked at next time; until then nothing of it is remembered.
            _seen = new SeenHistory { History = head.History, BeganAt = catalogue.Time.GetUtcNow() };
            _dirty = true;
            return head;
        }

        if (_seen?.History != row.History)
        {
            _seen = new SeenHistory { History = row.History, BeganAt = row.HistoryBeganAt };
        }
        else if (_seen.Epoch == row.Epoch)
        {
            return head;
        }

        changes.Reverse();
        _seen = _seen with
        {
            BeganAt = row.HistoryBeganAt,
            Epoch = row.Epoch,
            Chain = row.Chain.ToString(),
            Changes = [.. _seen.Changes.Concat(changes).TakeLast(MostRemembered)],
            Marks =
            [
                .. _seen
                    .Marks.Concat(
                        marks
                            .Where(m => m.Key > _seen.Epoch)
                            .OrderBy(m => m.Key)
                            .Select(m => new SeenMark(m.Key, m.Value.ToString()))
                    )
                    .TakeLast(MostRemembered),
            ],
        };
        _dirty = true;
        return head;
    }

    private static Task<Dictionary<long, Digest>> MarksAsync(
        CatalogueContext context,
        long from,
        CancellationToken cancellation
    ) =>
        context
            .Heads.AsNoTracking()
            .Where(m => m.Epoch >= from)
            .OrderByDescending(m => m.Epoch)
            .Take(MostRemembered)
            .ToDictionaryAsync(m => m.Epoch, m => m.Chain, cancellation);

    // A history that began after the one we saw was begun on purpose, by a restore or a setup.
    private static bool IsPutBack(SeenHistory seen, HeadRow head, Dictionary<long, Digest> marks) =>
        seen.History != head.History ? head.HistoryBeganAt < seen.BeganAt
        : seen.Epoch == 0 ? false
        : head.Epoch < seen.Epoch ? true
        : head.Epoch == seen.Epoch ? head.Chain.ToString() != seen.Chain
        : seen.Epoch >= head.TombstoneFloor
            && marks.TryGetValue(seen.Epoch, out var chain)
            && chain.ToString() != seen.Chain;

    private async Task<CatalogueHead> BeginAnewAsync(SeenHistory seen, HeadRow head, CancellationToken cancellation)
    {
        Dictionary<long, Digest> marks;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            marks = await MarksAsync(context, seen.Since, cancellation).ConfigureAwait(false);
        }

        // Up to the newest transaction that both know, nothing is undone.
        var common =
            seen.History == head.History
                ? seen
                    .Marks.Where(m => marks.TryGetValue(m.Epoch, out var chain) && chain.ToString() == m.Chain)
                    .Select(m => m.Epoch)
                    .DefaultIfEmpty(0)
                    .Max()
                : 0;
        var undone = seen
            .Changes.Where(c => c.Epoch > common)
            .GroupBy(c => (c.Kind, c.Name))
            .Select(c => c.Last())
            .Select(c => new UndoneChange(c.Kind, c.Name, c.Deleted ? "deleted" : "written", c.Epoch))
            .ToImmutableArray();
        var reason = string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"the database was put back behind the managers' backs, from epoch {seen.Epoch} to {(common == 0 ? head.Epoch : common)}; {Restore.Name(undone)}"
        );
        LogPutBack(reason);
        return await catalogue
            .BeginNewHistoryAsync(
                head.History,
                reason,
                new Actor(options.NodeName),
                Restore.Edits(undone),
                cancellation
            )
            .ConfigureAwait(false);
    }

    private SeenHistory? Load()
    {
        if (options.HistoryFile is not { } file || !File.Exists(file))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), SeenJson.Default.SeenHistory);
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            LogForgotten(file, e.Message);
            return null;
        }
    }

    /// <summary>Writes down what was seen since the last time. Does not throw.</summary>
    public void Save()
    {
        if (options.HistoryFile is not { } file || _seen is not { } seen || !_dirty)
        {
            return;
        }

        _dirty = false;

        try
        {
            // An older one that a power loss leaves is as good: its epoch and chain still are of this history.
            var next = file + ".new";
            File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(seen, SeenJson.Default.SeenHistory));
            File.Move(next, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogForgotten(file, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The catalogue begins a new history: {Reason}")]
    private partial void LogPutBack(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{File} cannot be used, so a catalogue put back while this manager is down may not be noticed by it: {Reason}"
    )]
    private partial void LogForgotten(string file, string reason);
}

/// <summary>What a manager remembers of the catalogue.</summary>
internal sealed record SeenHistory
{
    /// <summary>The history.</summary>
    public required string History { get; init; }

    /// <summary>When it began.</summary>
    public DateTimeOffset BeganAt { get; init; }

    /// <summary>The newest epoch seen.</summary>
    public long Epoch { get; init; }

    /// <summary>The chain there.</summary>
    public string Chain
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>The newest changes, oldest first.</summary>
    public ImmutableArray<SeenChange> Changes
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>The ends of the newest transactions, oldest first.</summary>
    public ImmutableArray<SeenMark> Marks
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>The oldest end it remembers.</summary>
    [JsonIgnore]
    public long Since => Marks.IsEmpty ? Epoch : Marks[0].Epoch;
}

/// <summary>A change that a manager saw.</summary>
internal sealed record SeenChange(long Epoch, string Kind, string Name, bool Deleted);

/// <summary>The end of a transaction that a manager saw.</summary>
internal sealed record SeenMark(long Epoch, string Chain);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SeenHistory))]
internal sealed partial class SeenJson : JsonSerializerContext;
