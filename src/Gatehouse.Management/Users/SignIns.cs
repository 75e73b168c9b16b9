using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;

namespace Gatehouse.Management;

/// <summary>What trying to sign in came to.</summary>
public enum SignInVerdict
{
    /// <summary>Who it is, is proved.</summary>
    Done,

    /// <summary>The password was right; a one-time code is still to come.</summary>
    OneTimeCodeNeeded,

    /// <summary>Wrong name, password or code; which of them is not said.</summary>
    Refused,

    /// <summary>Too many wrong tries: wait.</summary>
    LockedOut,

    /// <summary>The password was right, and the account was not approved yet, or was locked.</summary>
    NotAllowed,

    /// <summary>Too many others are being checked now.</summary>
    Busy,
}

/// <summary>Outcome of a try.</summary>
/// <param name="Verdict">What it came to.</param>
/// <param name="User">Who it is; only when done.</param>
/// <param name="Ticket">Proves the right password to the next step, for five minutes; only when a one-time code is needed.</param>
public sealed record SignInResult(SignInVerdict Verdict, User? User = null, string? Ticket = null);

/// <summary>
/// Passwords and one-time codes. A check costs about a tenth of a second of one core by design, so only a few run at once and
/// only a few more wait.
/// </summary>
public sealed class SignIns(UserManager<User> identity, Catalogue catalogue, IDataProtectionProvider protection)
{
    private const int StepSeconds = 30;
    private const int MostWaiting = 32;

    private static readonly TimeSpan s_ticketLife = TimeSpan.FromMinutes(5);
    private static readonly SemaphoreSlim s_places = new(Math.Max(1, Environment.ProcessorCount / 2));
    private static readonly string s_nobodysHash = new PasswordHasher<User>(UserOptions.Hashing).HashPassword(
        new(),
        Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))
    );
    private static int s_waiting;

    private readonly ITimeLimitedDataProtector _tickets = protection
        .CreateProtector("gatehouse.one-time-code")
        .ToTimeLimitedDataProtector();

    /// <summary>Checks name and password. Takes as long for a name that is nobody's.</summary>
    public async Task<SignInResult> WithPasswordAsync(string name, string password, CancellationToken cancellation)
    {
        if (name.Length > 64 || password.Length > PasswordRules.Longest)
        {
            return new(SignInVerdict.Refused);
        }

        var user = await identity.FindByNameAsync(name).ConfigureAwait(false);
        if (user is not null && await identity.IsLockedOutAsync(user).ConfigureAwait(false))
        {
            return new(SignInVerdict.LockedOut);
        }

        if (await IsRightAsync(user, password, cancellation).ConfigureAwait(false) is not { } right)
        {
            return new(SignInVerdict.Busy);
        }

        if (user is null)
        {
            return new(SignInVerdict.Refused);
        }

        if (!right)
        {
            return await FailedAsync(user).ConfigureAwait(false);
        }

        if (user.State != UserState.Active)
        {
            return new(SignInVerdict.NotAllowed);
        }

        return user.TwoFactorEnabled
            ? new(
                SignInVerdict.OneTimeCodeNeeded,
                Ticket: _tickets.Protect($"{user.Id} {user.SecurityStamp}", s_ticketLife)
            )
            : await DoneAsync(user).ConfigureAwait(false);
    }

    /// <summary>Checks the one-time code, or a recovery code, of somebody whose password was right.</summary>
    public async Task<SignInResult> WithOneTimeCodeAsync(string ticket, string code)
    {
        User? user;
        try
        {
            var parts = _tickets.Unprotect(ticket).Split(' ');
            user = await identity.FindByIdAsync(parts[0]).ConfigureAwait(false);
            if (user?.SecurityStamp != parts[1])
            {
                return new(SignInVerdict.Refused);
            }
        }
        catch (CryptographicException)
        {
            return new(SignInVerdict.Refused);
        }

        if (await identity.IsLockedOutAsync(user).ConfigureAwait(false))
        {
            return new(SignInVerdict.LockedOut);
        }

        if (user.State != UserState.Active)
        {
            return new(SignInVerdict.NotAllowed);
        }

        var digits = code.Replace(" ", "", StringComparison.Ordinal);
        var right =
            digits.Length == 6
                ? await TakeOneTimeCodeAsync(user, digits).ConfigureAwait(false)
                : (await identity.RedeemTwoFactorRecoveryCodeAsync(user, code.Trim()).ConfigureAwait(false)).Succeeded;
        return right ? await DoneAsync(user).ConfigureAwait(false) : await FailedAsync(user).ConfigureAwait(false);
    }

    /// <summary>Lets in who has signed with a passkey, which was checked.</summary>
    internal async Task<SignInResult> WithPasskeyAsync(User user) =>
        user.State == UserState.Active ? await DoneAsync(user).ConfigureAwait(false) : new(SignInVerdict.NotAllowed);

    /// <summary>A new key for an authenticator app, which counts from <see cref="ConfirmAuthenticatorAsync"/> on.</summary>
    public async Task<AuthenticatorKey> BeginAuthenticatorAsync(User user, string cluster)
    {
        Users.Ensure(await identity.ResetAuthenticatorKeyAsync(user).ConfigureAwait(false));
        var key = (await identity.GetAuthenticatorKeyAsync(user).ConfigureAwait(false))!;
        var label = Uri.EscapeDataString($"Gatehouse {cluster}:{user.UserName}");
        return new(
            key,
            $"otpauth://totp/{label}?secret={key}&issuer={Uri.EscapeDataString($"Gatehouse {cluster}")}&digits=6&period={StepSeconds}"
        );
    }

    /// <summary>Asks for one-time codes from now on, when <paramref name="code"/> shows that the app has the key. Recovery codes, once; null when it is wrong.</summary>
    public async Task<IReadOnlyList<string>?> ConfirmAuthenticatorAsync(User user, string code)
    {
        if (!await TakeOneTimeCodeAsync(user, code.Replace(" ", "", StringComparison.Ordinal)).ConfigureAwait(false))
        {
            return null;
        }

        Users.Ensure(await identity.SetTwoFactorEnabledAsync(user, true).ConfigureAwait(false));
        return [.. await identity.GenerateNewTwoFactorRecoveryCodesAsync(user, 10).ConfigureAwait(false) ?? []];
    }

    /// <summary>True when the password is the user's. Null when too many are being checked.</summary>
    public async Task<bool?> IsRightAsync(User? user, string password, CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref s_waiting) > MostWaiting)
        {
            Interlocked.Decrement(ref s_waiting);
            return null;
        }

        try
        {
            await s_places.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref s_waiting);
        }

        try
        {
            if (user?.PasswordHash is null)
            {
                identity.PasswordHasher.VerifyHashedPassword(user ?? new(), s_nobodysHash, password);
                return false;
            }

            return await identity.CheckPasswordAsync(user, password).ConfigureAwait(false);
        }
        finally
        {
            s_places.Release();
        }
    }

    // A code is good for its own step and, as clocks differ, for its neighbours'; one that was taken is never taken again.
    private async Task<bool> TakeOneTimeCodeAsync(User user, string code)
    {
        var step = catalogue.Time.GetUtcNow().ToUnixTimeSeconds() / StepSeconds;
        if (
            await identity.GetAuthenticatorKeyAsync(user).ConfigureAwait(false) is not { } key
            || OneTimeCode.StepOf(key, code, step) is not { } taken
            || taken <= user.OneTimeStep
        )
        {
            return false;
        }

        // The concurrency stamp lets one of two with the same code win.
        user.OneTimeStep = taken;
        return (await identity.UpdateAsync(user).ConfigureAwait(false)).Succeeded;
    }

    private async Task<SignInResult> DoneAsync(User user)
    {
        user.AccessFailedCount = 0;
        user.SignedInAt = catalogue.Time.GetUtcNow();
        await identity.UpdateAsync(user).ConfigureAwait(false);
        return new(SignInVerdict.Done, user);
    }

    private async Task<SignInResult> FailedAsync(User user)
    {
        await identity.AccessFailedAsync(user).ConfigureAwait(false);
        return new(
            await identity.IsLockedOutAsync(user).ConfigureAwait(false)
                ? SignInVerdict.LockedOut
                : SignInVerdict.Refused
        );
    }
}

/// <summary>The key of an authenticator app in the one moment it can be read.</summary>
/// <param name="Key">Base 32, for typing.</param>
/// <param name="Uri">The same as <c>otpauth:</c> address, for a QR code.</param>
public sealed record AuthenticatorKey(string Key, string Uri);

/// <summary>One-time codes by time (RFC 6238): HMAC-SHA-1, six digits, steps of 30 seconds.</summary>
internal static class OneTimeCode
{
    /// <summary>The step, within one of <paramref name="now"/>, whose code this is; null when there is none.</summary>
    public static long? StepOf(string key, string code, long now)
    {
        if (code.Length != 6 || code.Any(c => !char.IsAsciiDigit(c)))
        {
            return null;
        }

        long? found = null;
        for (var step = now - 1; step <= now + 1; step++)
        {
            if (
                CryptographicOperations.FixedTimeEquals(
                    Encoding.ASCII.GetBytes(CodeAt(key, step)),
                    Encoding.ASCII.GetBytes(code)
                )
            )
            {
                found = step;
            }
        }

        return found;
    }

    /// <summary>The code of a step.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage(
        "Security",
        "CA5350",
        Justification = "RFC 6238: what authenticator apps compute."
    )]
    public static string CodeAt(string key, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(counter, step);
        var hash = HMACSHA1.HashData(Base32(key), counter);
        var number =
            System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(hash.AsSpan(hash[^1] & 15)) & int.MaxValue;
        return (number % 1_000_000).ToString("D6", System.Globalization.CultureInfo.InvariantCulture);
    }

    private static byte[] Base32(string text)
    {
        const string Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bytes = new byte[text.Length * 5 / 8];
        var (bits, count, length) = (0, 0, 0);
        foreach (var digit in text.TakeWhile(c => c != '='))
        {
            bits = ((bits << 5) | Digits.IndexOf(digit, StringComparison.Ordinal)) & 0xfff;
            count += 5;
            if (count >= 8)
            {
                bytes[length++] = (byte)(bits >> (count - 8));
                count -= 8;
            }
        }

        return bytes;
    }
}
