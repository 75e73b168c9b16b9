using System.Text.Json;
using Gatehouse.Model;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Gatehouse.Management;

/// <summary>The tables of users, in the catalogue's database, with migrations of their own.</summary>
public sealed class UsersContext(DbContextOptions<UsersContext> options) : IdentityUserContext<User>(options)
{
    /// <summary>Where people are signed in.</summary>
    public DbSet<SessionRow> Sessions => Set<SessionRow>();

    /// <summary>Invitations and password resets.</summary>
    public DbSet<UserLinkRow> Links => Set<UserLinkRow>();

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<CatalogueContext.UnixMilliseconds>();
        configurationBuilder.Properties<Digest>().HaveConversion<CatalogueContext.DigestBytes>();
    }

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.Entity<User>().ToTable("users");
        // What a user may do is in the user's row.
        builder.Ignore<IdentityUserClaim<string>>();
        builder.Entity<IdentityUserLogin<string>>().ToTable("user_logins");
        builder.Entity<IdentityUserToken<string>>().ToTable("user_tokens");
        // What version 3 of Identity's schema has; the version itself is read from services that a context alone lacks.
        builder.Entity<IdentityUserPasskey<string>>(passkey =>
        {
            passkey.ToTable("user_passkeys").HasKey(p => p.CredentialId);
            passkey.Property(p => p.CredentialId).HasMaxLength(1024);
            passkey
                .Property(p => p.Data)
                .HasConversion<PasskeyJson>(
                    new ValueComparer<IdentityPasskeyData>(
                        (a, b) => PasskeyJson.Write(a!) == PasskeyJson.Write(b!),
                        data => PasskeyJson.Write(data).GetHashCode(StringComparison.Ordinal),
                        data => PasskeyJson.Read(PasskeyJson.Write(data))
                    )
                );
            passkey.HasOne<User>().WithMany().HasForeignKey(p => p.UserId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<SessionRow>(session =>
        {
            session.ToTable("sessions").HasKey(s => s.Id);
            session.HasIndex(s => s.UserId);
            session.HasOne<User>().WithMany().HasForeignKey(s => s.UserId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<UserLinkRow>(link =>
        {
            link.ToTable("user_links").HasKey(l => l.Hash);
            link.HasOne<User>().WithMany().HasForeignKey(l => l.UserId).OnDelete(DeleteBehavior.Cascade);
        });
        CatalogueContext.NameColumns(builder);
    }

    // As text: the databases' own JSON types differ.
    private sealed class PasskeyJson()
        : ValueConverter<IdentityPasskeyData, string>(data => Write(data), text => Read(text))
    {
        public static string Write(IdentityPasskeyData data) => JsonSerializer.Serialize(data);

        public static IdentityPasskeyData Read(string text) => JsonSerializer.Deserialize<IdentityPasskeyData>(text)!;
    }
}
