using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>What app developers see: which APIs, under which tags and categories, found by which words.</summary>
public sealed class Listings(Catalogue catalogue, ApiDefinitions definitions, ApiIndex index, ApiTeams teams)
{
    /// <summary>Largest picture, in bytes.</summary>
    public const int MaxThumbnail = 256 * 1024;

    /// <summary>
    /// The names of the APIs that <paramref name="caller"/> may see and <paramref name="query"/> finds, sorted; null for a
    /// caller that is not signed in.
    /// </summary>
    public async Task<ImmutableArray<string>> SearchAsync(string? query, Caller? caller, CancellationToken cancellation)
    {
        var wanted = ApiQuery.Parse(query);
        var all = await index.ReadAsync(cancellation).ConfigureAwait(false);
        return [.. all.Where(a => ApiTeams.MaySee(caller, a) && wanted.Matches(a)).Select(a => a.Id)];
    }

    /// <summary>Tags and how many APIs that <paramref name="caller"/> may see have each, the most used first.</summary>
    public async Task<ImmutableArray<TagView>> TagsAsync(Caller? caller, CancellationToken cancellation) =>
        [
            .. (await index.ReadAsync(cancellation).ConfigureAwait(false))
                .Where(a => ApiTeams.MaySee(caller, a))
                .SelectMany(a => a.Listing.Tags)
                .GroupBy(t => t, StringComparer.Ordinal)
                .Select(g => new TagView(g.Key, g.Count()))
                .OrderByDescending(t => t.Apis)
                .ThenBy(t => t.Name, StringComparer.Ordinal),
        ];

    /// <summary>The full name of an API the caller may see. Throws <see cref="NotFoundException"/> for any other, whether it exists or not.</summary>
    public async Task<string> VisibleAsync(string id, Caller? caller, CancellationToken cancellation)
    {
        var names = await SearchAsync(null, caller, cancellation).ConfigureAwait(false);
        var fitting = id.Contains(':', StringComparison.Ordinal)
            ? names.Where(n => n == id).ToList()
            : names.Where(n => n.StartsWith(id + ":", StringComparison.Ordinal)).ToList();
        return fitting.Count switch
        {
            1 => fitting[0],
            0 => throw new NotFoundException("API", Excerpt.Of(id)),
            _ => throw new ConflictException(
                $"{id} has {fitting.Count} versions",
                $"say which: {string.Join(", ", fitting.Take(10))}"
            ),
        };
    }

    /// <summary>The listing of an API and its epoch; 0 for one that has the defaults.</summary>
    public async Task<(ApiListing Listing, long Epoch)> GetAsync(string name, CancellationToken cancellation)
    {
        var stored = await catalogue
            .FindAsync(EntityKinds.Listing, name, ManagerJson.Default.ApiListing, cancellation)
            .ConfigureAwait(false);
        return (stored?.Value ?? new(), stored?.Epoch ?? 0);
    }

    /// <summary>The listing as <paramref name="caller"/> gets to see it: the team is nothing for app developers.</summary>
    public async Task<(ApiListing Listing, long Epoch)> ShowAsync(
        string name,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var (listing, epoch) = await GetAsync(name, cancellation).ConfigureAwait(false);
        return await teams.MayAsync(name, ApiRight.Read, caller, cancellation).ConfigureAwait(false)
            ? (listing, epoch)
            : (listing with { Team = null }, epoch);
    }

    /// <summary>
    /// Replaces a listing; its picture stays, and its team where none is given. Throws <see cref="ProblemsException"/> with
    /// everything that is wrong, <see cref="ApiRightException"/> for a team that is not theirs to change.
    /// </summary>
    public async Task<(ApiListing Listing, long Epoch)> PutAsync(
        string id,
        ApiListing listing,
        long? expectedEpoch,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var name = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var (before, epoch) = await GetAsync(name, cancellation).ConfigureAwait(false);
        listing = listing with { Team = listing.Team ?? before.Team };
        await EnsureGoodAsync(listing, cancellation).ConfigureAwait(false);
        var next = Sorted(listing) with { Thumbnail = before.Thumbnail };
        var isOtherTeam =
            next.Members.Length != before.Members.Length
            || next.Members.Zip(before.Members)
                .Any(p => p.First.User != p.Second.User || !p.First.May.SequenceEqual(p.Second.May));
        if (isOtherTeam)
        {
            await teams.RequireAsync(name, ApiRight.Own, caller, cancellation).ConfigureAwait(false);
        }

        var actor = caller.Actor;
        await catalogue
            .CommitAsync(
                Put(
                    new(
                        actor,
                        isOtherTeam
                            ? $"changed how API {name} is listed, and its team to {TeamText(next.Members)}"
                            : $"changed how API {name} is listed"
                    ),
                    name,
                    next,
                    expectedEpoch ?? epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return await GetAsync(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sets or removes an API's picture. Throws <see cref="ProblemsException"/> for anything but PNG, JPEG, GIF or WebP.</summary>
    public async Task SetThumbnailAsync(
        string id,
        ReadOnlyMemory<byte> picture,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var name = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var (before, epoch) = await GetAsync(name, cancellation).ConfigureAwait(false);
        var row = picture.IsEmpty
            ? null
            : new DocumentRow
            {
                Digest = Digest.Of(picture.Span),
                Content = picture.ToArray(),
                // By its bytes: what a sender calls it may be a page with scripts.
                MediaType =
                    Pictures.TypeOf(picture.Span)
                    ?? throw new ProblemsException([
                        new("", "This is no PNG, JPEG, GIF or WebP", "send one of these; SVG can carry scripts"),
                    ]),
            };
        var transaction = Put(
            new(actor, $"{(row is null ? "removed" : "set")} the picture of API {name}"),
            name,
            before with
            {
                Thumbnail = row?.Digest,
            },
            epoch
        );
        if (row is not null)
        {
            transaction.Also((context, ct) => AddDocumentAsync(context, row, ct));
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
    }

    /// <summary>Throws <see cref="ProblemsException"/> with everything that is wrong, names that there are not included.</summary>
    internal async Task EnsureGoodAsync(ApiListing listing, CancellationToken cancellation)
    {
        var problems = ListingRules.Check(listing).ToBuilder();
        foreach (
            var (pointer, kind, word, names) in new[]
            {
                ("/categories", EntityKinds.Category, "category", listing.Categories),
                ("/plans", EntityKinds.Plan, "plan", listing.Plans.Remove(Plan.Unlimited)),
            }
        )
        {
            if (names.IsEmpty)
            {
                continue;
            }

            var known = await catalogue.ListNamesAsync(kind, cancellation).ConfigureAwait(false);
            problems.AddRange(
                names
                    .Except(known, StringComparer.Ordinal)
                    .Select(n => new Problem(
                        pointer,
                        $"There is no {word} '{Excerpt.Of(n)}'",
                        "have an operator make it"
                    ))
            );
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }
    }

    internal static CatalogueTransaction Put(
        CatalogueTransaction transaction,
        string name,
        ApiListing listing,
        long? expectedEpoch
    ) => transaction.Put(EntityKinds.Listing, name, listing, ManagerJson.Default.ApiListing, expectedEpoch);

    internal static async Task AddDocumentAsync(
        CatalogueContext context,
        DocumentRow row,
        CancellationToken cancellation
    )
    {
        if (!await context.Documents.AnyAsync(d => d.Digest == row.Digest, cancellation).ConfigureAwait(false))
        {
            context.Documents.Add(row);
        }
    }

    internal static ApiListing Sorted(ApiListing listing) =>
        listing with
        {
            Tags = Distinct(listing.Tags),
            Categories = Distinct(listing.Categories),
            VisibleTo = Distinct(listing.VisibleTo),
            Plans = Distinct(listing.Plans),
            Team = listing.Members.IsEmpty ? null : ApiTeams.Sorted(listing.Members),
        };

    private static string TeamText(ImmutableArray<ApiMember> team) =>
        team.IsEmpty
            ? "every publisher"
            : string.Join(
                ", ",
                team.Select(m => $"{m.User} ({string.Join(' ', m.May.Select(r => r.ToString().ToLowerInvariant()))})")
            );

    // Sorted, so that equal content has an equal digest.
    private static ImmutableArray<string> Distinct(ImmutableArray<string> words) =>
        [.. words.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}

/// <summary>A tag and how many APIs have it.</summary>
public sealed record TagView(string Name, int Apis);
