using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Something changed. Says what, never how: who wants to know reads it, as far as they may.</summary>
/// <param name="Epoch">The change's number.</param>
/// <param name="Kind">What sort of thing, such as <c>api</c> or <c>application</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Deleted">True when it is gone.</param>
public sealed record ChangeEvent(long Epoch, string Kind, string Name, bool Deleted);

/// <summary>What of the changes a caller may know of: what they could read at the routes of its kind.</summary>
internal sealed class ChangeEvents(CatalogueFeed feed, Listings listings, Applications applications)
{
    private const int MostAtOnce = 500;

    private static readonly FrozenDictionary<string, Permission> s_permissions = new Dictionary<string, Permission>
    {
        [EntityKinds.Plan] = Permission.Read,
        [EntityKinds.ApplicationPolicy] = Permission.Read,
        [EntityKinds.ApiPolicy] = Permission.Read,
        [EntityKinds.CustomRule] = Permission.Read,
        [EntityKinds.Category] = Permission.Read,
        [EntityKinds.Issuer] = Permission.Read,
        [EntityKinds.Hosts] = Permission.Read,
        [EntityKinds.Environment] = Permission.Read,
        [EntityKinds.Node] = Permission.Read,
        [EntityKinds.Block] = Permission.Read,
        [EntityKinds.ApprovalSettings] = Permission.Read,
        [EntityKinds.Task] = Permission.Publish,
        [EntityKinds.RaisedAlert] = Permission.Audit,
        [EntityKinds.AlertRule] = Permission.Operate,
        [EntityKinds.Revocation] = Permission.Operate,
        [EntityKinds.DeniedCertificate] = Permission.Operate,
        [EntityKinds.AccountSettings] = Permission.Administer,
        [EntityKinds.MailSettings] = Permission.Administer,
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> s_ofApis =
    [
        EntityKinds.Api,
        EntityKinds.Definition,
        EntityKinds.Lifecycle,
        EntityKinds.Listing,
        EntityKinds.ApiDocument,
        EntityKinds.Comment,
        EntityKinds.Rating,
    ];

    private static readonly FrozenSet<string> s_ofApplications =
    [
        EntityKinds.Application,
        EntityKinds.Subscription,
        EntityKinds.Key,
    ];

    private static readonly FeedScope s_scope = FeedScope.Everywhere(
        s_permissions.Keys.Concat(s_ofApis).Concat(s_ofApplications).ToFrozenSet()
    );

    /// <summary>
    /// The changes after <paramref name="epoch"/> that the caller may know of, and how far they were read. Throws
    /// <see cref="InvalidOperationException"/> when some between are forgotten.
    /// </summary>
    public async Task<(ImmutableArray<ChangeEvent> Events, long Epoch)> AfterAsync(
        long epoch,
        Caller caller,
        SeenNames seen,
        CancellationToken cancellation
    )
    {
        var transactions = await feed.ReadAfterAsync(epoch, s_scope, MostAtOnce, cancellation).ConfigureAwait(false);
        if (transactions.IsEmpty)
        {
            return ([], epoch);
        }

        var changes = transactions.SelectMany(t => t.Changes).ToList();
        if (changes.Exists(c => !s_permissions.ContainsKey(c.Kind)))
        {
            await SeeAsync(caller, seen, cancellation).ConfigureAwait(false);
        }

        return (
            [
                .. changes
                    .Where(c => MayKnow(c, caller, seen))
                    .Select(c => new ChangeEvent(c.Epoch, c.Kind, c.Name, c.Deleted)),
            ],
            transactions[^1].Head.Epoch
        );
    }

    /// <summary>Notes what the caller sees now: what goes out of their sight later is told of once more.</summary>
    public async Task SeeAsync(Caller caller, SeenNames seen, CancellationToken cancellation)
    {
        if (!ApiTeams.SeesAll(caller))
        {
            seen.MoveApis(await listings.SearchAsync(null, caller, cancellation).ConfigureAwait(false));
        }

        if (!Applications.SeesAll(caller))
        {
            seen.MoveApplications(
                (await applications.ListAsync(caller, cancellation).ConfigureAwait(false)).Select(a => a.Id)
            );
        }
    }

    private static bool MayKnow(EntityChange change, Caller caller, SeenNames seen)
    {
        if (s_permissions.TryGetValue(change.Kind, out var permission))
        {
            return caller.May(permission);
        }

        return s_ofApis.Contains(change.Kind)
            ? ApiTeams.SeesAll(caller) || seen.HasApi(DeploymentName.Parse(change.Name.Split('/')[0]).Api)
            : Applications.SeesAll(caller)
                || (ApplicationOf(change) is { } application && seen.HasApplication(application));
    }

    // A key that is gone says no more whose it was.
    private static string? ApplicationOf(EntityChange change) =>
        change.Kind != EntityKinds.Key ? change.Name.Split('/')[0]
        : change.Deleted ? null
        : JsonSerializer.Deserialize(change.Payload.Span, ModelJson.Default.ApiKey)?.Application;
}

/// <summary>What one stream's caller sees, and saw the last time.</summary>
internal sealed class SeenNames
{
    private HashSet<string> _apis = [];
    private HashSet<string> _apisBefore = [];
    private HashSet<string> _applications = [];
    private HashSet<string> _applicationsBefore = [];

    public bool HasApi(string name) => _apis.Contains(name) || _apisBefore.Contains(name);

    public bool HasApplication(string id) => _applications.Contains(id) || _applicationsBefore.Contains(id);

    public void MoveApis(IEnumerable<string> apis) => (_apisBefore, _apis) = (_apis, new(apis, StringComparer.Ordinal));

    public void MoveApplications(IEnumerable<string> applications) =>
        (_applicationsBefore, _applications) = (_applications, new(applications, StringComparer.Ordinal));
}
