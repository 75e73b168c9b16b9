using System.Collections.Immutable;
using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api listing API [FIELD=VALUE…]</c>: how app developers find an API.</summary>
internal static class ListingCommand
{
    // One line a field: its name, what it takes, and what it does to the listing.
    private static readonly ImmutableArray<Field> s_fields =
    [
        new("title", "TEXT", (listing, value) => listing with { Title = value }),
        new("tags", "TAG[,TAG]|none", (listing, value) => listing with { Tags = Words(value) }),
        new("categories", "NAME[,NAME]|none", (listing, value) => listing with { Categories = Words(value) }),
        new("visible-to", "ROLE[,ROLE]|everybody", (listing, value) => listing with { VisibleTo = Words(value) }),
        new("plans", "PLAN[,PLAN]|any", (listing, value) => listing with { Plans = Words(value) }),
        new("team", "USER:RIGHT[+RIGHT][,…]|none", (listing, value) => listing with { Team = Team(value) }),
        new("business-owner", "NAME <MAIL>", (listing, value) => listing with { BusinessOwner = Person(value) }),
        new("technical-owner", "NAME <MAIL>", (listing, value) => listing with { TechnicalOwner = Person(value) }),
    ];

    public static Command Create()
    {
        var name = ApiCommands.Name();
        var fields = new Argument<string[]>("fields")
        {
            Description =
                string.Join("; ", s_fields.Select(f => $"{f.Name}={f.Takes}"))
                + "; property.NAME=VALUE; without any, shows",
            HelpName = "FIELD=VALUE",
            Arity = ArgumentArity.ZeroOrMore,
        };
        return new Command("listing", "Show or change how app developers find an API; counts at once")
            .With(name, fields)
            .Does(
                async (call, cancellation) =>
                {
                    var listing = await call.Manager.GetListingOfApiAsync(call.Get(name), cancellation);
                    if (call.Find(fields) is { Length: > 0 } edits)
                    {
                        listing = edits.Aggregate(listing, Apply);
                        listing = await call.Manager.PutListingOfApiAsync(call.Get(name), listing, cancellation);
                        call.Output.Say("The listing is changed");
                    }

                    call.Output.Item(
                        "Listing",
                        listing,
                        ("title", listing.Title),
                        ("tags", string.Join(", ", listing.Tags)),
                        ("categories", string.Join(", ", listing.Categories)),
                        ("visible to", listing.VisibleTo.IsEmpty ? "everybody" : string.Join(", ", listing.VisibleTo)),
                        ("plans", listing.Plans.IsEmpty ? "any" : string.Join(", ", listing.Plans)),
                        (
                            "team",
                            listing.Team is not { IsEmpty: false } team
                                ? "every publisher"
                                : string.Join(
                                    ", ",
                                    team.Select(m =>
                                        $"{m.User}:{string.Join('+', m.May.Select(r => r.ToString().ToLowerInvariant()))}"
                                    )
                                )
                        ),
                        ("business owner", Text(listing.BusinessOwner)),
                        ("technical owner", Text(listing.TechnicalOwner)),
                        (
                            "properties",
                            listing.Properties.IsEmpty
                                ? null
                                : string.Join(", ", listing.Properties.Select(p => $"{p.Key}={p.Value}"))
                        )
                    );
                }
            );
    }

    private static ApiListing Apply(ApiListing listing, string text)
    {
        const string Property = "property.";
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? text : text[..equals];
        if (equals > 0 && name.StartsWith(Property, StringComparison.Ordinal))
        {
            var key = name[Property.Length..];
            var value = text[(equals + 1)..];
            return listing with
            {
                Properties =
                    value.Length == 0 ? listing.Properties.Remove(key) : listing.Properties.SetItem(key, value),
            };
        }

        if (s_fields.FirstOrDefault(f => f.Name == name) is not { } field)
        {
            throw Wrong(
                $"'{name}' is no field of a listing",
                NearestName.Of(name, s_fields.Select(f => f.Name)) is { } near
                    ? $"did you mean '{near}'?"
                    : $"use one of {string.Join(", ", s_fields.Select(f => f.Name))} or property.NAME"
            );
        }

        return equals < 0
            ? throw Wrong($"'{name}' has no value", $"write {field.Name}={field.Takes}")
            : field.Set(listing, text[(equals + 1)..]);
    }

    private static ImmutableArray<string> Words(string value) =>
        value is "none" or "any" or "everybody" or ""
            ? []
            : [.. value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static ImmutableArray<ApiMember> Team(string value) =>
        [
            .. Words(value)
                .Select(member =>
                {
                    var parts = member.Split(':');
                    return new ApiMember(
                        parts[0],
                        [
                            .. (parts.Length == 2 ? parts[1] : "")
                                .Split('+')
                                .Select(word =>
                                    Enum.GetValues<ApiRight>()
                                        .Cast<ApiRight?>()
                                        .FirstOrDefault(r =>
                                            r.ToString()!.Equals(word, StringComparison.OrdinalIgnoreCase)
                                        )
                                    ?? throw Wrong(
                                        $"'{member}' does not say what a member may",
                                        "write USER:RIGHT with rights of read, edit, deploy, own and + between, such as ann:own,bob:edit+deploy"
                                    )
                                ),
                        ]
                    );
                }),
        ];

    private static Contact? Person(string value)
    {
        var open = value.IndexOf('<', StringComparison.Ordinal);
        return value is "none" or "" ? null
            : open < 0 ? new(value.Trim())
            : new(value[..open].Trim(), value[(open + 1)..].TrimEnd('>', ' '));
    }

    private static string? Text(Contact? contact) =>
        contact is null ? null
        : contact.Email is null ? contact.Name
        : $"{contact.Name} <{contact.Email}>";

    private static CommandFailure Wrong(string what, string fix) => new(ExitCode.Usage, what, fix: fix);

    private sealed record Field(string Name, string Takes, Func<ApiListing, string, ApiListing> Set);
}
