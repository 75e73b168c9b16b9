using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Identity;

namespace Gatehouse.Management;

/// <summary>A person who signs in. Identity's columns hold password hash, lock-out and second factor.</summary>
public sealed class User : IdentityUser
{
    /// <summary>How people call them; null for the user name.</summary>
    public string? FullName { get; set; }

    /// <summary>What they may do: names of <see cref="Management.Roles"/> with spaces between.</summary>
    public string RoleNames { get; set; } = "";

    /// <summary>Whether they may sign in.</summary>
    public UserState State { get; set; }

    /// <summary>When the account was made.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When they last signed in; null for never.</summary>
    public DateTimeOffset? SignedInAt { get; set; }

    /// <summary>The 30-second step of the last one-time code that was taken, so that none is taken twice (RFC 6238 §5.2).</summary>
    public long OneTimeStep { get; set; }

    /// <summary>Their roles, the furthest-reaching first.</summary>
    public ImmutableArray<string> Roles() => Management.Roles.Split(RoleNames);
}

/// <summary>Whether a user may sign in. Append only: stored by number.</summary>
[JsonConverter(typeof(DashedEnum<UserState>))]
public enum UserState
{
    /// <summary>May sign in.</summary>
    Active,

    /// <summary>Was sent a link and has no password yet.</summary>
    Invited,

    /// <summary>Signed up and waits for an administrator.</summary>
    AwaitsApproval,

    /// <summary>Was locked by an administrator.</summary>
    Locked,
}

/// <summary>One place somebody is signed in from.</summary>
public sealed class SessionRow
{
    /// <summary>Names it in lists; 128 random bits.</summary>
    public required string Id { get; set; }

    /// <summary>Whose it is.</summary>
    public required string UserId { get; set; }

    /// <summary>When it began.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it was last used, to the minute.</summary>
    public DateTimeOffset SeenAt { get; set; }

    /// <summary>It ends then, used or not.</summary>
    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>Remote address it began from.</summary>
    public required string From { get; set; }

    /// <summary>What the browser called itself, cut to 200 characters.</summary>
    public required string Agent { get; set; }
}

/// <summary>A single-use link that lets a user set a password. Only its hash is stored.</summary>
public sealed class UserLinkRow
{
    /// <summary>SHA-256 of the code in it.</summary>
    public Model.Digest Hash { get; set; }

    /// <summary>Whose it is.</summary>
    public required string UserId { get; set; }

    /// <summary>Who made it.</summary>
    public required string CreatedBy { get; set; }

    /// <summary>Not good for anything from here on.</summary>
    public DateTimeOffset ExpiresAt { get; set; }
}
