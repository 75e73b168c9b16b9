using Gatehouse.Model;
using Microsoft.AspNetCore.Identity;

namespace Gatehouse.Management;

/// <summary>
/// What a password has to be: long, and nothing that is tried first. No rule asks for digits or signs, which make passwords
/// worse to remember and no harder to guess (NIST SP 800-63B §5.1.1.2).
/// </summary>
public sealed class PasswordRules : IPasswordValidator<User>
{
    /// <summary>Fewest characters.</summary>
    public const int Shortest = 12;

    /// <summary>Most characters: a hash of megabytes would cost the manager, not the guesser.</summary>
    public const int Longest = 256;

    private const int FewestDifferent = 5;

    // What is left of the usual lists at this length once rows of the keyboard, repeats and the words below are told.
    private static readonly string[] s_guessedFirst =
    [
        "password",
        "passwort",
        "qwertyuiop",
        "qwertzuiop",
        "1234567890",
        "0987654321",
        "abcdefghij",
        "iloveyou",
        "letmein",
        "changeme",
        "changeit",
        "administrator",
        "gatehouse",
        "wso2carbon",
        "correcthorsebatterystaple",
    ];

    /// <inheritdoc/>
    public Task<IdentityResult> ValidateAsync(UserManager<User> manager, User user, string? password) =>
        Task.FromResult(
            Fault(password ?? "", user.UserName ?? "") is { } fault
                ? IdentityResult.Failed(new IdentityError { Code = "Password", Description = fault })
                : IdentityResult.Success
        );

    /// <summary>What is wrong with a password; throws <see cref="ProblemsException"/> that says so.</summary>
    public static void Check(string password, string user, string pointer = "/password")
    {
        if (Fault(password, user) is { } fault)
        {
            throw new ProblemsException([new(pointer, fault, "a few words that do not belong together are best")]);
        }
    }

    private static string? Fault(string password, string user)
    {
        if (password.Length is < Shortest or > Longest)
        {
            return $"A password has {Shortest} to {Longest} characters";
        }

        if (password.Distinct().Count() < FewestDifferent)
        {
            return $"A password has at least {FewestDifferent} different characters";
        }

        // What is left when the guessed part is taken away must still be something.
        var guessed = s_guessedFirst
            .Append(user)
            .FirstOrDefault(word =>
                word.Length > 2
                && password.Contains(word, StringComparison.OrdinalIgnoreCase)
                && password.Length - word.Length < Shortest / 2
            );
        return guessed is null ? null
            : guessed == user ? "A password is more than the user name and a few characters"
            : $"'{guessed}' with a few characters is among the first that are tried";
    }
}
