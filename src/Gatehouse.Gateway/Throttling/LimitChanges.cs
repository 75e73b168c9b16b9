using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Gateway.Routing;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Throttling;

/// <summary>Applies changes of plans, policies, rules, blocks and nodes to a table of limits.</summary>
internal sealed class LimitChanges(
    LimitTable running,
    bool replace,
    string own,
    bool isNewcomer,
    TimeProvider time,
    ICollection<Refusal> refusals
)
{
    public LimitTable Apply(IReadOnlyList<EntityChange> changes)
    {
        var table = replace ? new(running.Counters, running.Meter) { Shares = running.Shares } : running;
        foreach (var change in changes)
        {
            table = change.Kind switch
            {
                EntityKinds.Plan => table with
                {
                    Plans = Changed(
                        table.Plans,
                        running.Plans,
                        change,
                        ModelJson.Default.Plan,
                        p => CompiledPlan.Of(p, change.Epoch, time)
                    ),
                },
                EntityKinds.ApplicationPolicy => table with
                {
                    ApplicationPolicies = Changed(
                        table.ApplicationPolicies,
                        running.ApplicationPolicies,
                        change,
                        ModelJson.Default.ApplicationPolicy,
                        p => CompiledApplicationPolicy.Of(p, change.Epoch, time)
                    ),
                },
                EntityKinds.ApiPolicy => table with
                {
                    ApiPolicies = Changed(
                        table.ApiPolicies,
                        running.ApiPolicies,
                        change,
                        ModelJson.Default.ApiPolicy,
                        p => CompiledApiPolicy.Of(p, change.Epoch, time)
                    ),
                },
                EntityKinds.CustomRule => Rule(table, change),
                EntityKinds.Block => table with { Blocks = table.Blocks.With(change.Name, IsInForce(change)) },
                EntityKinds.Node => table with { Workers = Worker(table, change) },
                _ => table,
            };
        }

        return ReferenceEquals(table, running) ? running : WithShares(table, changes).AsNew();
    }

    private LimitTable WithShares(LimitTable table, IReadOnlyList<EntityChange> changes)
    {
        var nodes = changes.Where(c => c.Kind == EntityKinds.Node).ToList();
        if (nodes.Count == 0 && !replace)
        {
            return table;
        }

        var now = time.GetTimestamp();
        if (running.Workers.Count == 0)
        {
            // The first list. Who was not there before it began without having granted anything, and the others may have.
            var joined = nodes.LastOrDefault(n => n.Name == own)?.Epoch ?? 0;
            return table with { Shares = EvenShares.Of(table.Workers, own, isNewcomer ? (joined, now) : null) };
        }

        var epoch = nodes.Count == 0 ? long.MaxValue : nodes.Max(n => n.Epoch);
        return table with { Shares = running.Shares.After(table.Workers, epoch, now) };
    }

    private LimitTable Rule(LimitTable table, EntityChange change)
    {
        var last = running.Rules.FirstOrDefault(r => r.Name == change.Name);
        var others = table.Rules.RemoveAll(r => r.Name == change.Name);
        var rule = change.Deleted
            ? null
            : Compile(change, ModelJson.Default.CustomRule, r => CompiledRule.Of(r, change.Epoch, time)) ?? last;
        return table with
        {
            Rules = rule is null ? others : [.. others.Add(rule).OrderBy(r => r.Name, StringComparer.Ordinal)],
        };
    }

    private static System.Collections.Immutable.ImmutableSortedSet<string> Worker(LimitTable table, EntityChange change)
    {
        if (change.Deleted)
        {
            return table.Workers.Remove(change.Name);
        }

        try
        {
            var node = JsonSerializer.Deserialize(change.Payload.Span, ModelJson.Default.Node);
            return node is not null && node.Profile.IsWorker()
                ? table.Workers.Add(change.Name)
                : table.Workers.Remove(change.Name);
        }
        catch (JsonException)
        {
            // Who runs nodes refuses it. Here it counts as a worker, which divides by one too many at worst.
            return table.Workers.Add(change.Name);
        }
    }

    // Never refused: a block that cannot be read is in force.
    private static bool IsInForce(EntityChange change)
    {
        if (change.Deleted)
        {
            return false;
        }

        try
        {
            return JsonSerializer.Deserialize(change.Payload.Span, ModelJson.Default.Block) is not { Enabled: false };
        }
        catch (JsonException)
        {
            return true;
        }
    }

    private PersistentMap<TCompiled> Changed<TEntity, TCompiled>(
        PersistentMap<TCompiled> map,
        PersistentMap<TCompiled> before,
        EntityChange change,
        JsonTypeInfo<TEntity> type,
        Func<TEntity, TCompiled> compile
    )
        where TEntity : class
        where TCompiled : class
    {
        if (change.Deleted)
        {
            return map.Without(change.Name);
        }

        var compiled = Compile(change, type, compile) ?? before.Find(change.Name);
        return compiled is null ? map : map.With(change.Name, compiled);
    }

    private TCompiled? Compile<TEntity, TCompiled>(
        EntityChange change,
        JsonTypeInfo<TEntity> type,
        Func<TEntity, TCompiled> compile
    )
        where TEntity : class
        where TCompiled : class
    {
        try
        {
            if (JsonSerializer.Deserialize(change.Payload.Span, type) is { } value)
            {
                return compile(value);
            }

            Refuse(change, "", "The payload is empty.");
        }
        catch (JsonException bad)
        {
            Refuse(change, bad.Path ?? "", $"Cannot be read: {bad.Message}");
        }
        catch (FormatException bad)
        {
            Refuse(change, "", bad.Message);
        }

        return null;
    }

    private void Refuse(EntityChange change, string field, string reason) =>
        refusals.Add(new(change.Kind, change.Name, change.Epoch, field, reason));
}
