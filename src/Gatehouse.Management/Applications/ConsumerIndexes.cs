using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Every application, in memory: whether a name is free is asked for each one that is made.</summary>
public sealed class ApplicationIndex : IDisposable
{
    private readonly CatalogueFollower<ImmutableDictionary<string, Application>> _follower;

    /// <summary>Reads nothing yet.</summary>
    public ApplicationIndex(Catalogue catalogue) =>
        _follower = new(catalogue, [EntityKinds.Application], ImmutableDictionary<string, Application>.Empty, Apply);

    /// <inheritdoc/>
    public void Dispose() => _follower.Dispose();

    /// <summary>All of them, in no order.</summary>
    internal async Task<IEnumerable<Application>> ReadAsync(CancellationToken cancellation) =>
        (await ByIdAsync(cancellation).ConfigureAwait(false)).Values;

    /// <summary>All of them by their ids.</summary>
    internal async Task<IReadOnlyDictionary<string, Application>> ByIdAsync(CancellationToken cancellation) =>
        await _follower.ReadAsync(cancellation).ConfigureAwait(false);

    private static ImmutableDictionary<string, Application> Apply(
        ImmutableDictionary<string, Application> last,
        IReadOnlyList<EntityRow> rows
    )
    {
        var next = last.ToBuilder();
        foreach (var row in rows)
        {
            if (row.Deleted)
            {
                next.Remove(row.Name);
            }
            else
            {
                next[row.Name] = JsonSerializer.Deserialize(row.Payload, ModelJson.Default.Application)!;
            }
        }

        return next.ToImmutable();
    }
}

/// <summary>
/// Which keys an application has and which key has a hash, in memory: names and hashes only. What it names may have expired;
/// who needs a key reads it.
/// </summary>
public sealed class KeyIndex : IDisposable
{
    private readonly CatalogueFollower<Known> _follower;

    /// <summary>Reads nothing yet.</summary>
    public KeyIndex(Catalogue catalogue) => _follower = new(catalogue, [EntityKinds.Key], Known.Nothing, Apply);

    /// <inheritdoc/>
    public void Dispose() => _follower.Dispose();

    /// <summary>The ids of an application's keys, sorted.</summary>
    internal async Task<IReadOnlyCollection<string>> OfAsync(string application, CancellationToken cancellation) =>
        (await _follower.ReadAsync(cancellation).ConfigureAwait(false)).Of.GetValueOrDefault(application, s_none);

    /// <summary>The id of the key with this hash; null for none.</summary>
    internal async Task<string?> HolderAsync(Digest hash, CancellationToken cancellation) =>
        (await _follower.ReadAsync(cancellation).ConfigureAwait(false)).Holders.GetValueOrDefault(hash);

    private static readonly ImmutableSortedSet<string> s_none = ImmutableSortedSet.Create<string>(
        StringComparer.Ordinal
    );

    private static Known Apply(Known last, IReadOnlyList<EntityRow> rows)
    {
        var (keys, of, holders) = (last.Keys.ToBuilder(), last.Of.ToBuilder(), last.Holders.ToBuilder());
        foreach (var row in rows)
        {
            if (keys.TryGetValue(row.Name, out var before))
            {
                keys.Remove(row.Name);
                of[before.Application] = of[before.Application].Remove(row.Name);
                if (of[before.Application].IsEmpty)
                {
                    of.Remove(before.Application);
                }

                if (holders.GetValueOrDefault(before.Hash) == row.Name)
                {
                    holders.Remove(before.Hash);
                }
            }

            if (!row.Deleted)
            {
                var key = JsonSerializer.Deserialize(row.Payload, ModelJson.Default.ApiKey)!;
                keys[row.Name] = (key.Application, key.Hash);
                of[key.Application] = of.GetValueOrDefault(key.Application, s_none).Add(row.Name);
                holders[key.Hash] = row.Name;
            }
        }

        return new(keys.ToImmutable(), of.ToImmutable(), holders.ToImmutable());
    }

    private sealed record Known(
        ImmutableDictionary<string, (string Application, Digest Hash)> Keys,
        ImmutableDictionary<string, ImmutableSortedSet<string>> Of,
        ImmutableDictionary<Digest, string> Holders
    )
    {
        public static Known Nothing { get; } =
            new(
                ImmutableDictionary<string, (string, Digest)>.Empty,
                ImmutableDictionary<string, ImmutableSortedSet<string>>.Empty,
                ImmutableDictionary<Digest, string>.Empty
            );
    }
}
