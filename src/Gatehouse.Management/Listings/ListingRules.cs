using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What listings and categories must keep to. Pure; finds everything that is wrong.</summary>
internal static partial class ListingRules
{
    private const int MostWords = 50;

    public static ImmutableArray<Problem> Check(ApiListing listing)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        CheckText("/title", listing.Title, 0, 100, problems);
        foreach (
            var (pointer, words) in new[]
            {
                ("/tags", listing.Tags),
                ("/categories", listing.Categories),
                ("/visibleTo", listing.VisibleTo),
                ("/plans", listing.Plans),
            }
        )
        {
            if (words.Length > MostWords)
            {
                problems.Add(new(pointer, $"There are more than {MostWords}", "name fewer"));
            }

            for (var i = 0; i < words.Length; i++)
            {
                CheckText($"{pointer}/{i}", words[i], 1, 64, problems);
            }
        }

        if (listing.Properties.Count > MostWords)
        {
            problems.Add(new("/properties", $"There are more than {MostWords}", "name fewer"));
        }

        foreach (var (name, value) in listing.Properties)
        {
            CheckText("/properties", name, 1, 64, problems);
            CheckText($"/properties/{Excerpt.Of(name)}", value, 0, 1000, problems);
        }

        ApiTeams.Check(listing.Members, problems);
        CheckContact("/businessOwner", listing.BusinessOwner, problems);
        CheckContact("/technicalOwner", listing.TechnicalOwner, problems);
        return problems.ToImmutable();
    }

    public static ImmutableArray<Problem> Check(ApiCategory category)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        if (!CategoryName().IsMatch(category.Name))
        {
            problems.Add(
                new(
                    "/name",
                    $"'{Excerpt.Of(category.Name)}' is no name of a category",
                    "take 1 to 64 letters, digits, spaces and -_, a letter or digit first and last"
                )
            );
        }

        CheckText("/description", category.Description, 0, 1000, problems);
        return problems.ToImmutable();
    }

    public static void CheckText(
        string pointer,
        string? text,
        int least,
        int most,
        ImmutableArray<Problem>.Builder problems
    )
    {
        if (
            text is null
            || text.Length < least
            || text.Length > most
            || text.Any(char.IsControl)
            || text.Trim() != text
        )
        {
            problems.Add(
                new(
                    pointer,
                    $"'{Excerpt.Of(text ?? "")}' cannot stand here",
                    $"take {least} to {most} characters, no control characters, no space at the ends"
                )
            );
        }
    }

    private static void CheckContact(string pointer, Contact? contact, ImmutableArray<Problem>.Builder problems)
    {
        if (contact is null)
        {
            return;
        }

        CheckText($"{pointer}/name", contact.Name, 1, 100, problems);
        if (contact.Email is { } mail && !Email().IsMatch(mail))
        {
            problems.Add(new($"{pointer}/email", $"'{Excerpt.Of(mail)}' is no e-mail address", "write name@host"));
        }
    }

    [GeneratedRegex(@"\A[\p{L}\p{N}](?:[\p{L}\p{N} _-]{0,62}[\p{L}\p{N}])?\z")]
    private static partial Regex CategoryName();

    /// <summary>Loose on purpose: whether a mailbox exists is known only to its host.</summary>
    [GeneratedRegex(@"\A[^\s@<>,;""]{1,64}@[A-Za-z0-9.-]{1,190}\z")]
    internal static partial Regex Email();
}
