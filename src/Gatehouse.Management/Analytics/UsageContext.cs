using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The tables of usage, in the catalogue's database, with migrations of their own.</summary>
public sealed class UsageContext(DbContextOptions<UsageContext> options) : DbContext(options)
{
    /// <summary>What was used.</summary>
    public DbSet<UsageRow> Usage => Set<UsageRow>();

    /// <summary>What each worker answered.</summary>
    public DbSet<UsageNodeRow> Nodes => Set<UsageNodeRow>();

    /// <summary>Up to where workers were heard.</summary>
    public DbSet<UsageStreamRow> Streams => Set<UsageStreamRow>();

    /// <summary>The one row that writers lock.</summary>
    public DbSet<UsageHeadRow> Head => Set<UsageHeadRow>();

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<CatalogueContext.UnixMilliseconds>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<UsageRow>(usage =>
        {
            usage
                .ToTable("usage")
                .HasKey(u => new
                {
                    u.Period,
                    u.At,
                    u.Api,
                    u.Operation,
                    u.Application,
                    u.Sandbox,
                });
            usage.HasIndex(u => new
            {
                u.Application,
                u.Period,
                u.At,
            });
        });
        modelBuilder
            .Entity<UsageNodeRow>()
            .ToTable("usage_nodes")
            .HasKey(u => new
            {
                u.Period,
                u.At,
                u.Node,
                u.Api,
            });
        modelBuilder.Entity<UsageStreamRow>().ToTable("usage_streams").HasKey(s => s.Stream);
        modelBuilder.Entity<UsageHeadRow>(head =>
        {
            head.ToTable("usage_head");
            head.Property(h => h.Id).ValueGeneratedNever();
            head.HasData(new UsageHeadRow());
        });
        CatalogueContext.NameColumns(modelBuilder);
    }
}
