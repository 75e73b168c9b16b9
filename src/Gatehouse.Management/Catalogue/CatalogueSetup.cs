using System.Collections.Immutable;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Makes the catalogue's schema or brings it up to this build. Safe to run again.</summary>
public static class CatalogueSetup
{
    /// <summary>What <see cref="ApplyAsync"/> would do. Changes nothing, and creates no file.</summary>
    public static async Task<SetupPlan> PlanAsync(CatalogueDatabase database, CancellationToken cancellation)
    {
        var pending = ImmutableArray.CreateBuilder<string>();
        var unknown = ImmutableArray.CreateBuilder<string>();
        var creates = true;
        foreach (var open in database.Contexts)
        {
            var context = open(database);
            await using (context.ConfigureAwait(false))
            {
                var applied = await database.ExistsAsync(context, cancellation).ConfigureAwait(false)
                    ? (await context.Database.GetAppliedMigrationsAsync(cancellation).ConfigureAwait(false)).ToList()
                    : [];
                var known = context.Database.GetMigrations().ToList();
                creates &= applied.Count == 0;
                pending.AddRange(known.Except(applied));
                unknown.AddRange(applied.Except(known));
            }
        }

        return new(database.Description, creates, pending.ToImmutable(), unknown.ToImmutable());
    }

    /// <summary>
    /// Creates or migrates. Throws <see cref="InvalidOperationException"/> when the schema is newer than this build, which
    /// would misread it.
    /// </summary>
    public static async Task<SetupPlan> ApplyAsync(CatalogueDatabase database, CancellationToken cancellation)
    {
        var first = await PlanAsync(database, cancellation).ConfigureAwait(false);
        RequireKnown(first);
        if (first.IsCurrent && await HasBegunAsync(database, cancellation).ConfigureAwait(false))
        {
            return first;
        }

        var alone = await database.LockSetupAsync(cancellation).ConfigureAwait(false);
        await using (alone.ConfigureAwait(false))
        {
            // Once more: another setup may have been faster.
            var plan = await PlanAsync(database, cancellation).ConfigureAwait(false);
            if (!plan.Pending.IsEmpty && !plan.Creates)
            {
                var former = database.Open();
                await using (former.ConfigureAwait(false))
                {
                    plan = plan with
                    {
                        Former = await database.KeepFormerAsync(former, cancellation).ConfigureAwait(false),
                    };
                }
            }

            foreach (var open in plan.Pending.IsEmpty ? [] : database.Contexts)
            {
                var context = open(database);
                await using (context.ConfigureAwait(false))
                {
                    await database.ForgetDeadMigrationAsync(context, cancellation).ConfigureAwait(false);
                    await context.Database.MigrateAsync(cancellation).ConfigureAwait(false);
                }
            }

            await BeginAsync(database, cancellation).ConfigureAwait(false);
            return plan;
        }
    }

    /// <summary>
    /// For a manager that starts: a file of its own is brought up to this build, a shared database must be up to it already.
    /// Throws <see cref="InvalidOperationException"/> with what to do when it is not.
    /// </summary>
    /// <param name="database">Which.</param>
    /// <param name="migrate">Migrate a shared database as well.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<SetupPlan> EnsureAsync(
        CatalogueDatabase database,
        bool migrate,
        CancellationToken cancellation
    )
    {
        if (database.Embedded || migrate)
        {
            return await ApplyAsync(database, cancellation).ConfigureAwait(false);
        }

        var plan = await PlanAsync(database, cancellation).ConfigureAwait(false);
        RequireKnown(plan);
        if (!plan.IsCurrent)
        {
            throw new InvalidOperationException(
                $"The catalogue ({database.Description}) {(plan.Creates ? "has no schema yet" : "is of an older Gatehouse")}: run 'gatehouse setup' with this node's configuration{(plan.Creates ? "" : ", once every manager may go on with the new schema")}, or set database.migrate to true."
            );
        }

        return plan;
    }

    private static void RequireKnown(SetupPlan plan)
    {
        if (!plan.Unknown.IsEmpty)
        {
            throw new InvalidOperationException(
                $"The catalogue ({plan.Database}) was written by a newer Gatehouse: this build does not know {string.Join(", ", plan.Unknown)}. Run the newer build, or restore a backup made before."
            );
        }
    }

    private static async Task<bool> HasBegunAsync(CatalogueDatabase database, CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            return await context.Head.AnyAsync(cancellation).ConfigureAwait(false);
        }
    }

    private static async Task BeginAsync(CatalogueDatabase database, CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            if (await context.Head.AnyAsync(cancellation).ConfigureAwait(false))
            {
                return;
            }

            context.Head.Add(
                new()
                {
                    History = Catalogue.NewHistory(),
                    HistoryReason = "created",
                    HistoryBeganAt = DateTimeOffset.UtcNow,
                }
            );
            await context.SaveChangesAsync(cancellation).ConfigureAwait(false);
        }
    }
}

/// <summary>What setting up comes to.</summary>
/// <param name="Database">Which database.</param>
/// <param name="Creates">True when there is none yet.</param>
/// <param name="Pending">Migrations to apply, in order.</param>
/// <param name="Unknown">Migrations in the database that this build does not know: it is newer.</param>
public sealed record SetupPlan(
    string Database,
    bool Creates,
    ImmutableArray<string> Pending,
    ImmutableArray<string> Unknown
)
{
    /// <summary>Where an embedded database is kept as it was before it was migrated; null when it was not, or is a server's.</summary>
    public string? Former { get; init; }

    /// <summary>True when there is nothing to do.</summary>
    public bool IsCurrent => Pending.IsEmpty && Unknown.IsEmpty;
}
