using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>Users, roles and sessions, for administrators.</summary>
internal static class UserEndpoints
{
    private static readonly ImmutableArray<RoleView> s_roles =
    [
        .. new[]
        {
            (Roles.Admin, "May do everything"),
            (Roles.Operator, "Runs the cluster: nodes, alerts, revocations"),
            (Roles.Publisher, "Publishes APIs"),
            (Roles.Auditor, "Sees everything and changes nothing"),
            (Roles.Subscriber, "Calls APIs: own applications, subscriptions and keys"),
        }.Select(r => new RoleView(
            r.Item1,
            r.Item2,
            [.. Roles.PermissionsOf(r.Item1).Select(p => p.ToString().ToLowerInvariant())]
        )),
    ];

    public static void MapUsers(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/users", ListAsync).WithSummary("The users").Require(Permission.Administer);
        rest.MapPost("/users", InviteAsync)
            .Once()
            .WithSummary("Invites a user; the answer holds the link")
            .Require(Permission.Administer);
        rest.MapGet("/users/{user}", ShowAsync).WithSummary("One user").Require(Permission.Administer);
        rest.MapPut("/users/{user}/profile", SetProfileAsync)
            .WithSummary("Changes a user's name and mail address")
            .Require(Permission.Administer);
        rest.MapPut("/users/{user}/roles", SetRolesAsync)
            .WithSummary("Gives a user other roles")
            .Require(Permission.Administer);
        rest.MapPost("/users/{user}/link", LinkAsync)
            .Once()
            .WithSummary("Makes a link with which a user sets a password")
            .Require(Permission.Administer);
        rest.MapPost("/users/{user}/lock", LockAsync).WithSummary("Locks a user out").Require(Permission.Administer);
        rest.MapPost("/users/{user}/unlock", UnlockAsync)
            .WithSummary("Lets a user in again")
            .Require(Permission.Administer);
        rest.MapDelete("/users/{user}/authenticator", RemoveSecondFactorAsync)
            .WithSummary("Ends asking a user for one-time codes")
            .Require(Permission.Administer);
        rest.MapDelete("/users/{user}", DeleteAsync).WithSummary("Deletes a user").Require(Permission.Administer);
        rest.MapGet("/roles", ListRoles).WithSummary("The roles and what each may do").Require(Permission.Read);
        rest.MapGet("/sessions", ListSessionsAsync)
            .WithSummary("Where anybody is signed in")
            .Require(Permission.Administer);
        rest.MapDelete("/sessions/{id}", EndSessionAsync).WithSummary("Ends a session").Require(Permission.Administer);
        rest.MapGet("/account-settings", ShowSettingsAsync)
            .WithSummary("Who may sign up")
            .Require(Permission.Administer);
        rest.MapPut("/account-settings", SetSettingsAsync)
            .WithSummary("Says who may sign up")
            .Require(Permission.Administer);
    }

    private static async Task<Ok<Page<UserView>>> ListAsync(
        int? limit,
        int? offset,
        Users users,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        var now = catalogue.Time.GetUtcNow();
        var all = await users.ListAsync(cancellation).ConfigureAwait(false);
        return TypedResults.Ok(Paging.Of([.. all.Select(u => UserView.Of(u, now))], limit, offset));
    }

    private static async Task<Created<UserLink>> InviteAsync(
        CreateUser ask,
        HttpResponse response,
        Caller caller,
        Users users,
        CancellationToken cancellation
    )
    {
        response.Headers.CacheControl = "no-store";
        var link = await users
            .InviteAsync(ask.Name, ask.FullName, ask.Email, ask.Roles, caller, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/users/{link.User}", link);
    }

    private static async Task<Ok<UserView>> ShowAsync(string user, Users users, Catalogue catalogue) =>
        View(await users.GetAsync(user).ConfigureAwait(false), catalogue);

    private static async Task<Ok<UserView>> SetProfileAsync(
        string user,
        SetProfile ask,
        Caller caller,
        Users users,
        Catalogue catalogue,
        CancellationToken cancellation
    ) =>
        View(
            await users.SetProfileAsync(user, ask.FullName, ask.Email, caller, cancellation).ConfigureAwait(false),
            catalogue
        );

    private static async Task<Ok<UserView>> SetRolesAsync(
        string user,
        SetRoles ask,
        Caller caller,
        Users users,
        Catalogue catalogue,
        CancellationToken cancellation
    ) => View(await users.SetRolesAsync(user, ask.Roles, caller, cancellation).ConfigureAwait(false), catalogue);

    private static async Task<Ok<UserLink>> LinkAsync(
        string user,
        HttpResponse response,
        Caller caller,
        Users users,
        CancellationToken cancellation
    )
    {
        response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(await users.LinkAsync(user, caller, cancellation).ConfigureAwait(false));
    }

    private static async Task<Ok<UserView>> LockAsync(
        string user,
        Caller caller,
        Users users,
        Catalogue catalogue,
        CancellationToken cancellation
    ) => View(await users.LockAsync(user, caller, cancellation).ConfigureAwait(false), catalogue);

    private static async Task<Ok<UserView>> UnlockAsync(
        string user,
        Caller caller,
        Users users,
        Catalogue catalogue,
        CancellationToken cancellation
    ) => View(await users.UnlockAsync(user, caller, cancellation).ConfigureAwait(false), catalogue);

    private static async Task<NoContent> RemoveSecondFactorAsync(
        string user,
        Caller caller,
        Users users,
        CancellationToken cancellation
    )
    {
        await users.RemoveSecondFactorAsync(user, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> DeleteAsync(
        string user,
        Caller caller,
        Users users,
        CancellationToken cancellation
    )
    {
        await users.DeleteAsync(user, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static Ok<Page<RoleView>> ListRoles(int? limit, int? offset) =>
        TypedResults.Ok(Paging.Of(s_roles, limit, offset));

    private static async Task<Ok<Page<SessionView>>> ListSessionsAsync(
        string? user,
        int? limit,
        int? offset,
        Caller caller,
        Sessions sessions,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(await sessions.ListAsync(user, caller.TokenId, cancellation).ConfigureAwait(false), limit, offset)
        );

    private static async Task<NoContent> EndSessionAsync(
        string id,
        Caller caller,
        Sessions sessions,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        if (!await sessions.EndAsync(id, null, cancellation).ConfigureAwait(false))
        {
            throw new NotFoundException("session", OpenApi.Excerpt.Of(id));
        }

        await catalogue.NoteAsync(caller.Actor, $"ended session {id}", cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<AccountSettings>> ShowSettingsAsync(
        Catalogue catalogue,
        CancellationToken cancellation
    ) => TypedResults.Ok(await AccountSettings.ReadAsync(catalogue, cancellation).ConfigureAwait(false));

    private static async Task<Ok<AccountSettings>> SetSettingsAsync(
        AccountSettings ask,
        Caller caller,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        await ask.SaveAsync(catalogue, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(ask);
    }

    private static Ok<UserView> View(User user, Catalogue catalogue) =>
        TypedResults.Ok(UserView.Of(user, catalogue.Time.GetUtcNow()));
}
