namespace Gatehouse.Management;

/// <summary>How changed entities are asked for.</summary>
internal static class EntityQueries
{
    /// <summary>
    /// The entities of some kinds that changed after an epoch, by epoch. SQLite is kept from the index of kinds and names: it
    /// would read every entity of these kinds to find the few that are newer, after each commit.
    /// </summary>
    public static IQueryable<EntityRow> ChangedAfter(this IQueryable<EntityRow> entities, long epoch, string[] kinds) =>
        entities.Where(e => e.Epoch > epoch && kinds.Contains(e.Kind + "")).OrderBy(e => e.Epoch);
}
