using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What app developers say of APIs: comments and ratings. Whoever may see an API may speak of it.</summary>
public sealed class Community(Catalogue catalogue, Listings listings)
{
    private const int LongestComment = 2000;
    private const int MostComments = 5000;

    /// <summary>The comments on an API, the newest first.</summary>
    public async Task<ImmutableArray<Comment>> CommentsAsync(string id, Caller? caller, CancellationToken cancellation)
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var all = await OfAsync(EntityKinds.Comment, api, ManagerJson.Default.Comment, cancellation)
            .ConfigureAwait(false);
        return [.. all.Select(c => c.Value).OrderByDescending(c => c.Id, StringComparer.Ordinal)];
    }

    /// <summary>Says something. Throws <see cref="ProblemsException"/> for what cannot be said.</summary>
    public async Task<Comment> SayAsync(string id, SayComment ask, Caller caller, CancellationToken cancellation)
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        Check(ask.Text);
        var all = await OfAsync(EntityKinds.Comment, api, ManagerJson.Default.Comment, cancellation)
            .ConfigureAwait(false);
        if (ask.ReplyTo is { } parent && all.All(c => c.Value.Id != parent))
        {
            throw new ProblemsException([
                new(
                    "/replyTo",
                    $"There is no comment '{Excerpt.Of(parent)}'",
                    "leave it out, or name one that is listed"
                ),
            ]);
        }

        if (all.Length >= MostComments)
        {
            throw new ConflictException(
                $"{api} has {MostComments} comments, and no more are taken",
                "have its publisher delete old ones"
            );
        }

        var now = catalogue.Time.GetUtcNow();
        var comment = new Comment(Guid.CreateVersion7(now).ToString("N"), caller.User, now, ask.Text, ask.ReplyTo);
        await PutAsync(api, comment, $"said something about API {api}", caller, 0, cancellation).ConfigureAwait(false);
        return comment;
    }

    /// <summary>Changes one's own comment.</summary>
    public async Task<Comment> EditAsync(
        string id,
        string comment,
        SayComment ask,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        Check(ask.Text);
        var stored = await FindAsync(api, comment, cancellation).ConfigureAwait(false);
        if (stored.Value.By != caller.User)
        {
            throw new NotFoundException("comment of yours", Excerpt.Of(comment));
        }

        var next = stored.Value with { Text = ask.Text, EditedAt = catalogue.Time.GetUtcNow() };
        await PutAsync(api, next, $"changed a comment on API {api}", caller, stored.Epoch, cancellation)
            .ConfigureAwait(false);
        return next;
    }

    /// <summary>Takes a comment away: one's own, or as a publisher anybody's. Answers to it stay.</summary>
    public async Task DeleteAsync(string id, string comment, Caller caller, CancellationToken cancellation)
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var stored = await FindAsync(api, comment, cancellation).ConfigureAwait(false);
        if (stored.Value.By != caller.User && !caller.May(Permission.Publish))
        {
            throw new NotFoundException("comment of yours", Excerpt.Of(comment));
        }

        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"deleted a comment of {stored.Value.By} on API {api}").Delete(
                    EntityKinds.Comment,
                    stored.Name,
                    stored.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>How an API is rated, by all and by the caller.</summary>
    public async Task<RatingView> RatingAsync(string id, Caller? caller, CancellationToken cancellation)
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var all = await OfAsync(EntityKinds.Rating, api, ManagerJson.Default.Rating, cancellation)
            .ConfigureAwait(false);
        var own = caller is null ? null : all.FirstOrDefault(r => r.Name == NameOf(api, caller.User));
        return new(
            all.IsEmpty ? null : Math.Round(all.Average(r => r.Value.Stars), 1),
            all.Length,
            own?.Value.Stars,
            [.. Enumerable.Range(1, 5).Select(stars => all.Count(r => r.Value.Stars == stars))]
        );
    }

    /// <summary>Rates an API, in place of an earlier rating; null takes it back.</summary>
    public async Task<RatingView> RateAsync(string id, int? stars, Caller caller, CancellationToken cancellation)
    {
        if (stars is < 1 or > 5)
        {
            throw new ProblemsException([new("/stars", "A rating has 1 to 5 stars", "give another number")]);
        }

        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var name = NameOf(api, caller.User);
        var transaction = new CatalogueTransaction(
            caller.Actor,
            stars is null ? $"took back the rating of API {api}" : $"rated API {api}"
        );
        if (stars is { } given)
        {
            transaction.Put(
                EntityKinds.Rating,
                name,
                new Rating(given, catalogue.Time.GetUtcNow()),
                ManagerJson.Default.Rating
            );
        }
        else
        {
            transaction.Delete(EntityKinds.Rating, name);
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await RatingAsync(api, caller, cancellation).ConfigureAwait(false);
    }

    private static string NameOf(string api, string part) => $"{api}/{part}";

    private static void Check(string text)
    {
        if (
            string.IsNullOrWhiteSpace(text)
            || text.Length > LongestComment
            || text.Any(c => char.IsControl(c) && c is not ('\n' or '\t'))
        )
        {
            throw new ProblemsException([
                new("/text", $"A comment has 1 to {LongestComment} characters of text", "write something else"),
            ]);
        }
    }

    private async Task<StoredEntity<Comment>> FindAsync(string api, string id, CancellationToken cancellation) =>
        await catalogue
            .FindAsync(EntityKinds.Comment, NameOf(api, id), ManagerJson.Default.Comment, cancellation)
            .ConfigureAwait(false)
        ?? throw new NotFoundException("comment", Excerpt.Of(id));

    private Task PutAsync(
        string api,
        Comment comment,
        string summary,
        Caller caller,
        long expectedEpoch,
        CancellationToken cancellation
    ) =>
        catalogue.CommitAsync(
            new CatalogueTransaction(caller.Actor, summary).Put(
                EntityKinds.Comment,
                NameOf(api, comment.Id),
                comment,
                ManagerJson.Default.Comment,
                expectedEpoch
            ),
            cancellation
        );

    private async Task<ImmutableArray<StoredEntity<T>>> OfAsync<T>(
        string kind,
        string api,
        JsonTypeInfo<T> type,
        CancellationToken cancellation
    ) => await catalogue.ListBelowAsync(kind, api + "/", type, cancellation).ConfigureAwait(false);
}
