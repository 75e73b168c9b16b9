using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What an owner changes of an application. What is null stays as it is.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApplicationEdit
{
    /// <summary>Another name.</summary>
    public string? Name { get; init; }

    /// <summary>For people.</summary>
    public string? Description { get; init; }

    /// <summary>The users who share it with its owner: they see and do all that the owner does, but for giving it away.</summary>
    public ImmutableArray<string>? Group { get; init; }

    internal Application Apply(Application application)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        if (Name is { } name)
        {
            ListingRules.CheckText("/name", name, 1, 64, problems);
        }

        if (Description is { } description)
        {
            ListingRules.CheckText("/description", description, 0, 500, problems);
        }

        if (Group is { } group)
        {
            if (group.Length > 100)
            {
                problems.Add(new("/group", "At most 100 users share an application", "name fewer"));
            }

            foreach (var user in group.Where(u => u is null or { Length: 0 or > 256 } || u.Any(char.IsControl)))
            {
                problems.Add(new("/group", $"'{Excerpt.Of(user ?? "")}' is no name of a user", "name users"));
            }
        }

        return problems.Count > 0
            ? throw new ProblemsException(problems.ToImmutable())
            : application with
            {
                Name = Name ?? application.Name,
                Description = Description ?? application.Description,
                Group = Group is { } shared
                    ? [.. shared.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]
                    : application.Group,
            };
    }
}

/// <summary>Gives an application to another user.</summary>
/// <param name="Owner">The user.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ChangeOwner([property: JsonRequired] string Owner);
