using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Gatehouse.Management;

/// <summary>What is different between the database products. Nothing outside its subclasses knows one.</summary>
internal abstract class DatabaseProduct : IDisposable
{
    /// <summary>What to call the database in messages; holds no password.</summary>
    public abstract string Description { get; }

    /// <summary>True when it is a file of this manager's alone.</summary>
    public abstract bool Embedded { get; }

    /// <summary>Tells EF Core where it is and where a context's migrations are.</summary>
    public abstract void Configure(DbContextOptionsBuilder builder, string migrationsAssembly, string historyTable);

    /// <inheritdoc cref="CatalogueDatabase.BeginSnapshotAsync"/>
    public abstract Task<IDbContextTransaction> BeginSnapshotAsync(DbContext context, CancellationToken cancellation);

    /// <inheritdoc cref="CatalogueDatabase.ExistsAsync"/>
    public abstract Task<bool> ExistsAsync(DbContext context, CancellationToken cancellation);

    /// <inheritdoc cref="CatalogueDatabase.LockSetupAsync"/>
    public virtual Task<IAsyncDisposable> LockSetupAsync(CancellationToken cancellation) =>
        Task.FromResult<IAsyncDisposable>(Stream.Null);

    /// <inheritdoc cref="CatalogueDatabase.ForgetDeadMigrationAsync"/>
    public virtual Task ForgetDeadMigrationAsync(DbContext context, CancellationToken cancellation) =>
        Task.CompletedTask;

    /// <inheritdoc cref="CatalogueDatabase.KeepFormerAsync"/>
    public virtual Task<string?> KeepFormerAsync(DbContext context, CancellationToken cancellation) =>
        Task.FromResult<string?>(null);

    /// <inheritdoc cref="CatalogueDatabase.AnnounceAsync"/>
    public virtual Task AnnounceAsync(CatalogueContext context, CancellationToken cancellation) => Task.CompletedTask;

    /// <inheritdoc cref="CatalogueDatabase.TellAsync"/>
    public virtual Task TellAsync(string word, CancellationToken cancellation) => Task.CompletedTask;

    /// <inheritdoc cref="CatalogueDatabase.ListenAsync"/>
    public virtual Task ListenAsync(Action<string> heard, CancellationToken cancellation) =>
        Task.Delay(Timeout.Infinite, cancellation);

    /// <inheritdoc cref="CatalogueDatabase.ResetNumbersAsync"/>
    public virtual Task ResetNumbersAsync(DbContext on, DbContext context, CancellationToken cancellation) =>
        Task.CompletedTask;

    /// <inheritdoc cref="CatalogueDatabase.LockTablesAsync"/>
    public virtual Task LockTablesAsync(
        DbContext context,
        IEnumerable<string> tables,
        CancellationToken cancellation
    ) => Task.CompletedTask;

    /// <summary>Closes connections that are not in use.</summary>
    public abstract void Close();

    /// <summary>Closes every connection; nothing may be opened after it.</summary>
    public virtual void Dispose() => Close();

    /// <summary>The exception and all within it, outermost first.</summary>
    protected static IEnumerable<Exception> Chain(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            yield return e;
        }
    }
}
