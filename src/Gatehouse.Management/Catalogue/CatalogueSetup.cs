using System.Collections.Immutable;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Makes the catalogue's schema or brings it up to this build. Safe to run again.</summary>
public static class CatalogueSetup
{
    /// <summary>What <see cref="ApplyAsync"/> would do. Changes nothing, and creates no file.</summary>
    public static async Task<SetupPlan> PlanAsync(CatalogueDatabase database, CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var exists = await context.Database.CanConnectAsync(cancellation).ConfigureAwait(false);
            var applied = exists
                ? await context.Database.GetAppliedMigrationsAsync(cancellation).ConfigureAwait(false)
                : [];
            var known = context.Database.GetMigrations().ToList();
            return new(database.Description, !exists, [.. known.Except(applied)], [.. applied.Except(known)]);
        }
    }

    /// <summary>
    /// Creates or migrates. Throws <see cref="InvalidOperationException"/> when the schema is newer than this build, which
    /// would misread it.
    /// </summary>
    public static async Task<SetupPlan> ApplyAsync(CatalogueDatabase database, CancellationToken cancellation)
    {
        var plan = await PlanAsync(database, cancellation).ConfigureAwait(false);
        if (!plan.Unknown.IsEmpty)
        {
            throw new InvalidOperationException(
                $"The catalogue ({database.Description}) was written by a newer Gatehouse: this build does not know {string.Join(", ", plan.Unknown)}. Run the newer build, or restore a backup made before."
            );
        }

        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            if (!plan.Pending.IsEmpty)
            {
                if (database.Embedded && !plan.Creates)
                {
                    await CatalogueDatabase.ForgetDeadMigrationAsync(context, cancellation).ConfigureAwait(false);
                }

                await context.Database.MigrateAsync(cancellation).ConfigureAwait(false);
            }

            if (!await context.Head.AnyAsync(cancellation).ConfigureAwait(false))
            {
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

        return plan;
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
    /// <summary>True when there is nothing to do.</summary>
    public bool IsCurrent => Pending.IsEmpty && Unknown.IsEmpty;
}
