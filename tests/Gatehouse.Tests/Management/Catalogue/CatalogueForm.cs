using System.Collections.Concurrent;
using Gatehouse.KeyManager;
using Gatehouse.Management;
using Gatehouse.TestSupport;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Tests.Management;

/// <summary>
/// What the catalogues of tests are copies of: migrated once, because that took most of a short test's time, and without a history, which
/// setting up begins in every copy anew.
/// </summary>
internal static class CatalogueForm
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> s_forms = [];

    /// <summary>A SQLite file, or the name of a database on <paramref name="server"/>.</summary>
    /// <param name="server">Null for SQLite.</param>
    /// <param name="withKeyManager">With the key manager's tables in it.</param>
    public static Task<string> OfAsync(PostgreSqlServer? server, bool withKeyManager) =>
        s_forms.GetOrAdd($"{server?.Port} {withKeyManager}", _ => new(() => MakeAsync(server, withKeyManager))).Value;

    // Not cancelled with the test that happens to be the first.
    private static async Task<string> MakeAsync(PostgreSqlServer? server, bool withKeyManager)
    {
        if (server is not null)
        {
            var name = (await server.CreateDatabaseAsync()).Database;
            // A database is copied only while nobody is connected to it.
            await MigrateAsync(TestCatalogue.OpenAt($"{server.Port}/{name}"), withKeyManager, copy: null);
            return name;
        }

        var directory = Directory.CreateTempSubdirectory("gatehouse-form-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, recursive: true);
        var form = Path.Combine(directory, "form.db");
        await MigrateAsync(CatalogueDatabase.Sqlite(Path.Combine(directory, "catalogue.db")), withKeyManager, form);
        return form;
    }

    private static async Task MigrateAsync(CatalogueDatabase database, bool withKeyManager, string? copy)
    {
        using (database)
        {
            await CatalogueSetup.ApplyAsync(
                withKeyManager ? database.WithKeyManager() : database,
                CancellationToken.None
            );
            await using var context = database.Open();
            await context.Head.ExecuteDeleteAsync(CancellationToken.None);
            if (copy is not null)
            {
                await context.Database.ExecuteSqlAsync($"VACUUM INTO {copy}", CancellationToken.None);
            }
        }
    }
}
