using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Gatehouse.Management;

/// <summary>
/// The catalogue's tables. Nothing here knows which database it is: what differs lives in <see cref="CatalogueDatabase"/>.
/// </summary>
public sealed class CatalogueContext(DbContextOptions<CatalogueContext> options) : DbContext(options)
{
    /// <summary>The one row every writer locks first.</summary>
    public DbSet<HeadRow> Head => Set<HeadRow>();

    /// <summary>The end of each transaction.</summary>
    public DbSet<HeadMark> Heads => Set<HeadMark>();

    /// <summary>The newest change of each entity. Written by <see cref="Catalogue.CommitAsync"/> only.</summary>
    public DbSet<EntityRow> Entities => Set<EntityRow>();

    /// <summary>API revisions.</summary>
    public DbSet<RevisionRow> Revisions => Set<RevisionRow>();

    /// <summary>Documents by digest.</summary>
    public DbSet<DocumentRow> Documents => Set<DocumentRow>();

    /// <summary>Wrapped secrets.</summary>
    public DbSet<SecretRow> Secrets => Set<SecretRow>();

    /// <summary>Join tokens.</summary>
    public DbSet<JoinTokenRow> JoinTokens => Set<JoinTokenRow>();

    /// <summary>Bearer tokens of people and programs.</summary>
    public DbSet<AccessTokenRow> AccessTokens => Set<AccessTokenRow>();

    /// <summary>Single-use sign-in codes.</summary>
    public DbSet<SignInCodeRow> SignInCodes => Set<SignInCodeRow>();

    /// <summary>Creates that came with an <c>Idempotency-Key</c>.</summary>
    public DbSet<IdempotencyRow> IdempotencyKeys => Set<IdempotencyRow>();

    /// <summary>What each node said last.</summary>
    public DbSet<NodeStatusRow> NodeStatus => Set<NodeStatusRow>();

    /// <summary>Certificates issued to nodes.</summary>
    public DbSet<NodeCertificateRow> NodeCertificates => Set<NodeCertificateRow>();

    /// <summary>Who did what.</summary>
    public DbSet<AuditRow> Audit => Set<AuditRow>();

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UnixMilliseconds>();
        configurationBuilder.Properties<Digest>().HaveConversion<DigestBytes>();
        configurationBuilder.Properties<Profile>().HaveConversion<ProfileName>();
    }

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<HeadRow>(head =>
        {
            head.ToTable("catalogue_head");
            head.Property(h => h.Id).ValueGeneratedNever();
        });
        modelBuilder.Entity<HeadMark>(mark =>
        {
            mark.ToTable("heads").HasKey(m => m.Epoch);
            mark.Property(m => m.Epoch).ValueGeneratedNever();
        });
        modelBuilder.Entity<EntityRow>(entity =>
        {
            entity.ToTable("entities").HasKey(e => new { e.Kind, e.Name });
            entity.HasIndex(e => e.Epoch).IsUnique();
        });
        modelBuilder.Entity<RevisionRow>(revision =>
        {
            revision.ToTable("revisions").HasKey(r => new { r.Api, r.Number });
        });
        modelBuilder.Entity<DocumentRow>().ToTable("documents").HasKey(d => d.Digest);
        modelBuilder.Entity<SecretRow>().ToTable("secrets").HasKey(s => s.Name);
        modelBuilder.Entity<JoinTokenRow>().ToTable("join_tokens").HasKey(t => t.Id);
        modelBuilder.Entity<AccessTokenRow>(token =>
        {
            token.ToTable("access_tokens").HasKey(t => t.Id);
            token.HasIndex(t => t.Hash).IsUnique();
        });
        modelBuilder.Entity<SignInCodeRow>().ToTable("sign_in_codes").HasKey(c => c.Hash);
        modelBuilder.Entity<IdempotencyRow>(key =>
        {
            key.ToTable("idempotency_keys").HasKey(k => new { k.User, k.Key });
            key.HasIndex(k => k.ExpiresAt);
        });
        modelBuilder.Entity<NodeStatusRow>().ToTable("node_status").HasKey(n => n.Node);
        modelBuilder.Entity<NodeCertificateRow>(certificate =>
        {
            certificate.ToTable("node_certificates").HasKey(c => c.SerialNumber);
            certificate.HasIndex(c => c.Node);
        });
        modelBuilder.Entity<AuditRow>(audit =>
        {
            audit.ToTable("audit");
            audit.Property(a => a.Id).ValueGeneratedNever();
        });

        NameColumns(modelBuilder);
    }

    /// <summary>Columns are written as <c>snake_case</c>, in every context of this database.</summary>
    public static void NameColumns(ModelBuilder modelBuilder)
    {
        foreach (var entity in modelBuilder.Model.GetEntityTypes().Where(e => !e.IsMappedToJson()))
        {
            foreach (var property in entity.GetProperties())
            {
                property.SetColumnName(SnakeCase(property.Name));
            }
        }
    }

    private static string SnakeCase(string name) =>
        string.Concat(
            name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString())
        );

    /// <summary>A time as a number, which sorts alike in every database; SQLite cannot order a DateTimeOffset.</summary>
    public sealed class UnixMilliseconds()
        : ValueConverter<DateTimeOffset, long>(
            time => time.ToUnixTimeMilliseconds(),
            number => DateTimeOffset.FromUnixTimeMilliseconds(number)
        );

    internal sealed class DigestBytes()
        : ValueConverter<Digest, byte[]>(digest => digest.ToArray(), bytes => Digest.From(bytes));

    private sealed class ProfileName() : ValueConverter<Profile, string>(profile => profile.Name(), name => Read(name))
    {
        private static Profile Read(string name) =>
            Profiles.TryParse(name, out var profile)
                ? profile
                : throw new InvalidDataException($"The catalogue names an unknown profile '{name}'.");
    }
}
