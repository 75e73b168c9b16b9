using Gatehouse.Management;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using OpenIddict.EntityFrameworkCore.Models;

namespace Gatehouse.KeyManager;

/// <summary>OpenIddict's tables of clients, grants and tokens, in the catalogue's database, with migrations of their own.</summary>
public sealed class KeyManagerContext(DbContextOptions<KeyManagerContext> options) : DbContext(options)
{
    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.UseOpenIddict();
        modelBuilder.Entity<OpenIddictEntityFrameworkCoreApplication>().ToTable("oauth_clients");
        modelBuilder.Entity<OpenIddictEntityFrameworkCoreAuthorization>().ToTable("oauth_grants");
        modelBuilder.Entity<OpenIddictEntityFrameworkCoreScope>().ToTable("oauth_scopes");
        modelBuilder.Entity<OpenIddictEntityFrameworkCoreToken>().ToTable("oauth_tokens");
        CatalogueContext.NameColumns(modelBuilder);
    }

    /// <summary>For <c>dotnet ef migrations add</c>.</summary>
    internal sealed class DesignTime : IDesignTimeDbContextFactory<KeyManagerContext>
    {
        public KeyManagerContext CreateDbContext(string[] args) =>
            new(CatalogueDatabase.Sqlite("design.db").Options<KeyManagerContext>());
    }
}
