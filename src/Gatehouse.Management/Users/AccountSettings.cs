using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Whether developers may make an account of their own.</summary>
[JsonConverter(typeof(DashedEnum<SignUpMode>))]
public enum SignUpMode
{
    /// <summary>Only who is invited gets one.</summary>
    Off,

    /// <summary>Anybody may ask; an administrator approves.</summary>
    Approval,

    /// <summary>Anybody gets one at once.</summary>
    Open,
}

/// <summary>How people come to have accounts.</summary>
public sealed record AccountSettings
{
    /// <summary>Whether developers may make an account of their own.</summary>
    public SignUpMode SignUp { get; init; }

    /// <summary>
    /// Whether clients may ask their users for the password itself (RFC 6749 §4.3). Off: authorization_code shows it to
    /// nobody.
    /// </summary>
    public bool PasswordGrant { get; init; }

    private const string Name = "default";

    /// <summary>The settings in force; the defaults until somebody sets others.</summary>
    public static async Task<AccountSettings> ReadAsync(Catalogue catalogue, CancellationToken cancellation) =>
        (
            await catalogue
                .FindAsync(EntityKinds.AccountSettings, Name, UserJson.Default.AccountSettings, cancellation)
                .ConfigureAwait(false)
        )?.Value
        ?? new();

    /// <summary>Puts these in force.</summary>
    public Task SaveAsync(Catalogue catalogue, Actor actor, CancellationToken cancellation) =>
        catalogue.CommitAsync(
            new CatalogueTransaction(
                actor,
                $"set sign-up to {SignUp.ToString().ToLowerInvariant()}, the password grant {(PasswordGrant ? "on" : "off")}"
            ).Put(EntityKinds.AccountSettings, Name, this, UserJson.Default.AccountSettings),
            cancellation
        );
}
