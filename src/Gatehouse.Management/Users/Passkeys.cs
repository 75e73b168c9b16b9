using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Gatehouse.Management.OpenApi;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;

namespace Gatehouse.Management;

/// <summary>
/// Passkeys (WebAuthn Level 3): keys in a device that sign in without a password. The ceremonies are ASP.NET Core Identity's.
/// Asked for is one that the device finds by itself and that checks its owner, by finger, face or PIN: it stands for password and
/// second factor together.
/// </summary>
public sealed class Passkeys(
    IPasskeyHandler<User> handler,
    UserManager<User> identity,
    SignIns signIns,
    Catalogue catalogue,
    IDataProtectionProvider protection
)
{
    private const int MostPerUser = 20;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    private readonly ITimeLimitedDataProtector _making = protection
        .CreateProtector("gatehouse.passkey.make")
        .ToTimeLimitedDataProtector();

    private readonly ITimeLimitedDataProtector _using = protection
        .CreateProtector("gatehouse.passkey.use")
        .ToTimeLimitedDataProtector();

    /// <summary>What a browser is asked to make a passkey by, for a user who has just proved who they are.</summary>
    public async Task<PasskeyCeremony> BeginMakingAsync(User user, HttpContext http)
    {
        var options = await handler
            .MakeCreationOptionsAsync(
                new()
                {
                    Id = user.Id,
                    Name = user.UserName!,
                    DisplayName = user.FullName ?? user.UserName!,
                },
                http
            )
            .ConfigureAwait(false);
        return new(
            JsonElement.Parse(options.CreationOptionsJson),
            _making.Protect($"{user.Id} {options.AttestationState}", s_patience)
        );
    }

    /// <summary>Keeps the passkey that the browser made. Throws <see cref="ProblemsException"/> for one that is no good.</summary>
    public async Task<PasskeyView> MakeAsync(
        User user,
        MakePasskey ask,
        HttpContext http,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var name = string.IsNullOrWhiteSpace(ask.Name) ? "Passkey" : ask.Name.Trim();
        if (name.Length > 64 || name.Any(char.IsControl))
        {
            throw new ProblemsException([
                new("/name", "A passkey's name has at most 64 characters", "take a shorter one"),
            ]);
        }

        if ((await identity.GetPasskeysAsync(user).ConfigureAwait(false)).Count >= MostPerUser)
        {
            throw new ConflictException($"You have {MostPerUser} passkeys", "remove one that you use no more");
        }

        var result =
            Open(_making, ask.Ticket) is { } state && state.User == user.Id
                ? await handler
                    .PerformAttestationAsync(
                        new()
                        {
                            HttpContext = http,
                            CredentialJson = ask.Credential.GetRawText(),
                            AttestationState = state.State,
                        }
                    )
                    .ConfigureAwait(false)
                : PasskeyAttestationResult.Fail(new PasskeyException("The ticket is another one's, or has expired."));
        if (!result.Succeeded)
        {
            throw new ProblemsException([
                new("/credential", $"This passkey is not taken: {result.Failure.Message}", "begin again"),
            ]);
        }

        result.Passkey.Name = name;
        Users.Ensure(await identity.AddOrUpdatePasskeyAsync(user, result.Passkey).ConfigureAwait(false));
        await catalogue.NoteAsync(actor, $"added passkey {Excerpt.Of(name)}", cancellation).ConfigureAwait(false);
        return PasskeyView.Of(result.Passkey);
    }

    /// <summary>What a browser is asked to sign in by. Whose passkey it is, the device says.</summary>
    public async Task<PasskeyCeremony> BeginUsingAsync(HttpContext http)
    {
        var options = await handler.MakeRequestOptionsAsync(null!, http).ConfigureAwait(false);
        return new(
            JsonElement.Parse(options.RequestOptionsJson),
            _using.Protect($"- {options.AssertionState}", s_patience)
        );
    }

    /// <summary>Signs in with what the device signed.</summary>
    public async Task<SignInResult> UseAsync(UsePasskey ask, HttpContext http)
    {
        if (Open(_using, ask.Ticket) is not { } state)
        {
            return new(SignInVerdict.Refused);
        }

        var result = await handler
            .PerformAssertionAsync(
                new()
                {
                    HttpContext = http,
                    CredentialJson = ask.Credential.GetRawText(),
                    AssertionState = state.State,
                }
            )
            .ConfigureAwait(false);
        if (!result.Succeeded || !result.Passkey.IsUserVerified)
        {
            return new(SignInVerdict.Refused);
        }

        // How often it was used: one that was copied falls behind (§6.1.1).
        Users.Ensure(await identity.AddOrUpdatePasskeyAsync(result.User, result.Passkey).ConfigureAwait(false));
        return await signIns.WithPasskeyAsync(result.User).ConfigureAwait(false);
    }

    /// <summary>The passkeys of a user, the newest first.</summary>
    public async Task<ImmutableArray<PasskeyView>> ListAsync(User user) =>
        [
            .. (await identity.GetPasskeysAsync(user).ConfigureAwait(false))
                .OrderByDescending(p => p.CreatedAt)
                .Select(PasskeyView.Of),
        ];

    /// <summary>Removes a passkey. Throws <see cref="NotFoundException"/> when it is none of theirs.</summary>
    public async Task RemoveAsync(User user, string id, Actor actor, CancellationToken cancellation)
    {
        var own = (await identity.GetPasskeysAsync(user).ConfigureAwait(false)).FirstOrDefault(p =>
            PasskeyView.Of(p).Id == id
        );
        if (own is null)
        {
            throw new NotFoundException("passkey", Excerpt.Of(id));
        }

        Users.Ensure(await identity.RemovePasskeyAsync(user, own.CredentialId).ConfigureAwait(false));
        await catalogue
            .NoteAsync(actor, $"removed passkey {Excerpt.Of(own.Name ?? "")}", cancellation)
            .ConfigureAwait(false);
    }

    private static (string User, string? State)? Open(ITimeLimitedDataProtector protector, string ticket)
    {
        try
        {
            var text = protector.Unprotect(ticket);
            var space = text.IndexOf(' ', StringComparison.Ordinal);
            return (text[..space], text[(space + 1)..]);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}

/// <summary>What a browser is asked for, and what it sends back with it.</summary>
/// <param name="Options">For <c>PublicKeyCredential.parseCreationOptionsFromJSON</c> or <c>parseRequestOptionsFromJSON</c>.</param>
/// <param name="Ticket">Goes with the answer, within five minutes.</param>
public sealed record PasskeyCeremony(JsonElement Options, string Ticket);

/// <summary>A passkey as its owner sees it.</summary>
/// <param name="Id">Names it.</param>
/// <param name="Name">What the owner calls it.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Synced">True when it is in more than one device, by their maker's backup.</param>
public sealed record PasskeyView(string Id, string Name, DateTimeOffset CreatedAt, bool Synced)
{
    internal static PasskeyView Of(UserPasskeyInfo passkey) =>
        new(
            Base64Url.EncodeToString(SHA256.HashData(passkey.CredentialId).AsSpan(0, 12)),
            passkey.Name ?? "",
            passkey.CreatedAt,
            passkey.IsBackedUp
        );
}
