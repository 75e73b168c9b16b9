using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// What the operator should know now. A peer that is refused knocks every second: each notice is logged once a minute,
/// and goes by itself when it is not raised again. Safe for several threads.
/// </summary>
internal sealed class Notices(TimeProvider time)
{
    public static readonly TimeSpan LogAgainAfter = TimeSpan.FromMinutes(1);
    public static readonly TimeSpan KeepFor = TimeSpan.FromMinutes(2);

    /// <summary>Peers choose the keys (their addresses), so there is an end to them.</summary>
    private const int Max = 32;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Notice> _notices = [];

    /// <summary>Notes a problem under a key. True when it is to be logged now.</summary>
    public bool Raise(string key, Problem problem, bool lasting = false)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            DropOldNeedsLock(now);
            if (_notices.TryGetValue(key, out var known))
            {
                var again = known.Problem.Message != problem.Message || now - known.Logged >= LogAgainAfter;
                _notices[key] = new Notice(problem, now, again ? now : known.Logged, lasting);
                return again;
            }

            if (_notices.Count >= Max)
            {
                return false;
            }

            _notices[key] = new Notice(problem, now, now, lasting);
            return true;
        }
    }

    /// <summary>Whether something is noted under a key now.</summary>
    public bool Has(string key)
    {
        lock (_lock)
        {
            DropOldNeedsLock(time.GetUtcNow());
            return _notices.ContainsKey(key);
        }
    }

    /// <summary>The reason is gone.</summary>
    public void Clear(string key)
    {
        lock (_lock)
        {
            _notices.Remove(key);
        }
    }

    public ImmutableArray<Problem> Current()
    {
        lock (_lock)
        {
            DropOldNeedsLock(time.GetUtcNow());
            return [.. _notices.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => n.Value.Problem)];
        }
    }

    private void DropOldNeedsLock(DateTimeOffset now)
    {
        foreach (var (key, notice) in _notices.ToArray())
        {
            if (!notice.Lasting && now - notice.Raised > KeepFor)
            {
                _notices.Remove(key);
            }
        }
    }

    private sealed record Notice(Problem Problem, DateTimeOffset Raised, DateTimeOffset Logged, bool Lasting);
}
