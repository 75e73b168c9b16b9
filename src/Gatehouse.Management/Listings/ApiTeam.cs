using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What a member of a team may do with its API.</summary>
[JsonConverter(typeof(DashedEnum<ApiRight>))]
public enum ApiRight
{
    /// <summary>See it whatever its state; every member may.</summary>
    Read,

    /// <summary>Change definition, documents, listing and subscriptions' states.</summary>
    Edit,

    /// <summary>Deploy, roll back, undeploy, take it through its life.</summary>
    Deploy,

    /// <summary>All of that, delete it, and say who is in the team.</summary>
    Own,
}

/// <summary>Somebody who works on one API.</summary>
/// <param name="User">The user name; there need be no such user yet.</param>
/// <param name="May">What they may do with it.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApiMember(
    [property: JsonRequired] string User,
    [property: JsonRequired] ImmutableArray<ApiRight> May
);

/// <summary>Somebody may not do that with that API. Becomes 403.</summary>
/// <param name="api">Its full name.</param>
/// <param name="right">What is missing.</param>
public sealed class ApiRightException(string api, ApiRight right)
    : Exception($"You may not {right.ToString().ToLowerInvariant()} the API {api}")
{
    /// <summary>What to do about it.</summary>
    public static string Fix => "ask an owner of its team, or an administrator, for more";
}

/// <summary>
/// Who may do what with which API: the one place that says it. An API without a team is every publisher's. A team narrows what
/// the publisher's role allows to its members, and lets them see the API; for other publishers it is what it is for app
/// developers: there when it is published to them, else not there at all.
/// </summary>
public sealed class ApiTeams(ApiIndex index)
{
    private const int MostMembers = 100;

    /// <summary>
    /// The full name of an API with which <paramref name="caller"/> may do that. Throws <see cref="NotFoundException"/> for one
    /// that they may not see, whether it exists or not, <see cref="ApiRightException"/> for one that they may only see.
    /// </summary>
    public async Task<string> RequireAsync(string id, ApiRight right, Caller caller, CancellationToken cancellation)
    {
        var seen = (await FindAsync(id, cancellation).ConfigureAwait(false)).Where(a => MaySee(caller, a)).ToList();
        return seen switch
        {
            [] => throw new NotFoundException("API", OpenApi.Excerpt.Of(id)),
            [var api] when May(caller, api, right) => api.Id,
            [var api] => throw new ApiRightException(api.Id, right),
            _ => throw new ConflictException(
                $"{id} has {seen.Count} versions",
                $"say which: {string.Join(", ", seen.Take(10).Select(a => a.Id))}"
            ),
        };
    }

    /// <summary>As <see cref="RequireAsync"/>, of what may be made by it: a name that is nobody's passes.</summary>
    public async Task RequireIfThereAsync(string id, ApiRight right, Caller caller, CancellationToken cancellation)
    {
        if ((await FindAsync(id, cancellation).ConfigureAwait(false)).Count > 0)
        {
            await RequireAsync(id, right, caller, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>True when <paramref name="caller"/> may do that with the API of that full name.</summary>
    public async Task<bool> MayAsync(string name, ApiRight right, Caller? caller, CancellationToken cancellation) =>
        caller is not null
        && await index.FindAsync(name, cancellation).ConfigureAwait(false) is { } api
        && MaySee(caller, api)
        && May(caller, api, right);

    internal static bool MaySee(Caller? caller, IndexedApi api) =>
        Works(caller, api)
        || (
            api.State is not (ApiState.Created or ApiState.Retired)
            && (
                api.Listing.VisibleTo.IsEmpty
                || (caller is not null && caller.AllRoles.Any(api.Listing.VisibleTo.Contains))
            )
        );

    /// <summary>Everything that is wrong with a team.</summary>
    internal static void Check(ImmutableArray<ApiMember> team, ImmutableArray<Problem>.Builder problems)
    {
        if (team.Length > MostMembers)
        {
            problems.Add(new("/team", $"A team has at most {MostMembers} members", "name fewer"));
        }

        for (var i = 0; i < team.Length; i++)
        {
            if (!AccessTokens.IsUserName(team[i].User ?? ""))
            {
                problems.Add(
                    new($"/team/{i}/user", $"'{OpenApi.Excerpt.Of(team[i].User ?? "")}' is no user name", "name a user")
                );
            }

            if (team[i].May.IsDefaultOrEmpty)
            {
                problems.Add(new($"/team/{i}/may", "A member may do something", "take of read, edit, deploy, own"));
            }
        }

        if (team.Select(m => m.User).Distinct(StringComparer.OrdinalIgnoreCase).Count() < team.Length)
        {
            problems.Add(new("/team", "Somebody is in it twice", "name each user once, with all that they may"));
        }

        if (!team.IsEmpty && !team.Any(m => !m.May.IsDefault && m.May.Contains(ApiRight.Own)))
        {
            problems.Add(new("/team", "A team has an owner", "let somebody 'own' it"));
        }
    }

    /// <summary>Sorted, so that equal teams have equal digests.</summary>
    public static ImmutableArray<ApiMember> Sorted(ImmutableArray<ApiMember> team) =>
        [
            .. team.Select(m => m with { May = [.. m.May.Distinct().Order()] })
                .OrderBy(m => m.User, StringComparer.Ordinal),
        ];

    private static bool May(Caller caller, IndexedApi api, ApiRight right) =>
        right == ApiRight.Read ? Works(caller, api)
        : caller.May(Permission.Administer) ? caller.May(Permission.Publish)
        : caller.May(Permission.Publish)
            && (
                api.Listing.Members.IsEmpty
                || Of(caller, api) is { } member && (member.May.Contains(right) || member.May.Contains(ApiRight.Own))
            );

    /// <summary>True for who runs or audits the cluster: they see every API.</summary>
    internal static bool SeesAll(Caller caller) =>
        caller.May(Permission.Administer) || caller.May(Permission.Operate) || caller.May(Permission.Audit);

    /// <summary>True for who may see it whatever its state: its team, every publisher where it has none.</summary>
    internal static bool Works(Caller? caller, IndexedApi api) =>
        caller is not null
        && (
            SeesAll(caller)
            || (api.Listing.Members.IsEmpty ? caller.May(Permission.Publish) : Of(caller, api) is not null)
        );

    private static ApiMember? Of(Caller caller, IndexedApi api) =>
        api.Listing.Members.FirstOrDefault(m => m.User.Equals(caller.User, StringComparison.OrdinalIgnoreCase));

    private async Task<IReadOnlyList<IndexedApi>> FindAsync(string id, CancellationToken cancellation) =>
        id.Contains(':', StringComparison.Ordinal)
            ? await index.FindAsync(id, cancellation).ConfigureAwait(false) is { } one
                ? [one]
                : []
            :
            [
                .. (await index.ReadAsync(cancellation).ConfigureAwait(false)).Where(a =>
                    a.Id.StartsWith(id + ":", StringComparison.Ordinal)
                ),
            ];
}
