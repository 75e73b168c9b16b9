using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// What one commit does to the rows and their tallies. Nothing that is in memory moves before <see cref="Commit"/>, which
/// follows the disk's word.
/// </summary>
internal sealed class StoreEdit(
    Dictionary<RowKey, RowFacts> served,
    Dictionary<RowKey, RowFacts> refused,
    StoreState state
)
{
    private readonly Dictionary<(RowKey Key, bool Refused), StoredRow?> _moves = [];

    public StoreState State { get; private set; } = state;

    /// <summary>Makes the same moves in the file.</summary>
    public void Write(StoreFile file)
    {
        foreach (var ((key, isRefused), row) in _moves)
        {
            if ((isRefused ? refused : served).ContainsKey(key))
            {
                file.Delete(key, isRefused);
            }

            if (row is not null)
            {
                file.Insert(row);
            }
        }
    }

    /// <summary>A row moves to what <paramref name="change"/> says.</summary>
    public void Apply(EntityChange change, Refusal? refusal)
    {
        var key = new RowKey(change);
        if (change.Deleted)
        {
            Delete(key, isRefused: false);
            Delete(key, isRefused: true);
        }
        else if (refusal is null || EntityKinds.IsRestrictive(change.Kind))
        {
            // What closes access replaces its former self, read or not: the target closes on it at the next start too.
            Put(new(change, null));
            Delete(key, isRefused: true);
        }
        else
        {
            Put(new(change, refusal));
        }
    }

    public void DeleteAllBut(IReadOnlyList<EntityChange> scan)
    {
        var kept = scan.Where(c => !c.Deleted).Select(c => new RowKey(c)).ToHashSet();
        foreach (var key in served.Keys.Concat(refused.Keys).Where(k => !kept.Contains(k)).ToHashSet())
        {
            Delete(key, isRefused: false);
            Delete(key, isRefused: true);
        }
    }

    public void DeleteExpired(DateTimeOffset now)
    {
        foreach (var rows in new[] { served, refused })
        {
            foreach (var (key, facts) in rows)
            {
                var move = (key, ReferenceEquals(rows, refused));
                if (facts.ExpiresAt < now && !_moves.ContainsKey(move))
                {
                    Delete(key, move.Item2);
                }
            }
        }
    }

    /// <summary>Brings what is in memory to where the disk is.</summary>
    public void Commit()
    {
        foreach (var ((key, isRefused), row) in _moves)
        {
            var rows = isRefused ? refused : served;
            if (row is null)
            {
                rows.Remove(key);
            }
            else
            {
                rows[key] = new(row.Change.Digest, row.Change.ExpiresAt, row.Seal());
            }
        }
    }

    private void Put(StoredRow row)
    {
        Delete(new(row.Change), row.Refusal is not null);
        Toggle(row.Change.Kind, row.Seal());
        _moves[(new(row.Change), row.Refusal is not null)] = row;
    }

    private void Delete(RowKey key, bool isRefused)
    {
        var move = (key, isRefused);
        if (_moves.TryGetValue(move, out var pending))
        {
            if (pending is not null)
            {
                Toggle(key.Kind, pending.Seal());
                _moves[move] = null;
            }
        }
        else if ((isRefused ? refused : served).TryGetValue(key, out var facts))
        {
            Toggle(key.Kind, facts.Seal);
            _moves[move] = null;
        }
    }

    private void Toggle(string kind, Digest seal) =>
        State = State with
        {
            Rows = State.Rows.With(seal),
            Restrictions = EntityKinds.IsRestrictive(kind) ? State.Restrictions.With(seal) : State.Restrictions,
        };
}
