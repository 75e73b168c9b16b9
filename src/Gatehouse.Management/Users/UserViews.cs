using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Gatehouse.Management;

// The documents of users, sessions and signing in.

/// <summary>A user as administrators see them.</summary>
public sealed record UserView
{
    /// <summary>Never another user's; the <c>sub</c> of the key manager's tokens.</summary>
    public string Id { get; init; } = "";

    /// <summary>The user name.</summary>
    public required string Name { get; init; }

    /// <summary>How people call them.</summary>
    public string? FullName { get; init; }

    /// <summary>Where to reach them.</summary>
    public string? Email { get; init; }

    /// <summary>What they may do.</summary>
    public required ImmutableArray<string> Roles { get; init; }

    /// <summary>Whether they may sign in.</summary>
    public required UserState State { get; init; }

    /// <summary>Until when too many wrong passwords keep them out; null when they do not.</summary>
    public DateTimeOffset? LockedOutUntil { get; init; }

    /// <summary>True when one-time codes are asked for.</summary>
    public required bool SecondFactor { get; init; }

    /// <summary>When the account was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When they last signed in; null for never.</summary>
    public DateTimeOffset? SignedInAt { get; init; }

    /// <summary>The view of a user.</summary>
    public static UserView Of(User user, DateTimeOffset now) =>
        new()
        {
            Id = user.Id,
            Name = user.UserName!,
            FullName = user.FullName,
            Email = user.Email,
            Roles = user.Roles(),
            State = user.State,
            LockedOutUntil = user.LockoutEnd > now ? user.LockoutEnd : null,
            SecondFactor = user.TwoFactorEnabled,
            CreatedAt = user.CreatedAt,
            SignedInAt = user.SignedInAt,
        };
}

/// <summary>Who the caller is.</summary>
/// <param name="User">The user name.</param>
/// <param name="Roles">Their roles, the furthest-reaching first.</param>
/// <param name="Permissions">What they may do here with what they showed.</param>
/// <param name="Session">Names the session or token that was shown.</param>
/// <param name="Account">The account; null when the token is of this machine's sign-in link and no user's.</param>
public sealed record MeView(
    string User,
    ImmutableArray<string> Roles,
    ImmutableArray<string> Permissions,
    string Session,
    UserView? Account
);

/// <summary>What the page that signs people in has to know.</summary>
/// <param name="SetUpNeeded">True while nobody can sign in: the link that <c>gatehouse init</c> printed makes the first administrator.</param>
/// <param name="SignUp">Whether developers may make an account of their own.</param>
/// <param name="ShortestPassword">Fewest characters of a new password.</param>
/// <param name="Provider">What the outside provider is called that people may sign in by, at <c>/api/v1/sign-in/oidc</c>; null for none.</param>
public sealed record SignInOptions(bool SetUpNeeded, SignUpMode SignUp, int ShortestPassword, string? Provider = null);

/// <summary>How far signing in came.</summary>
/// <param name="State"><c>signed-in</c>, <c>one-time-code-needed</c> or <c>awaits-approval</c>.</param>
/// <param name="User">Who is signed in.</param>
/// <param name="Ticket">Goes with the one-time code, within five minutes.</param>
public sealed record SignInProgress(SignInState State, string? User = null, string? Ticket = null);

/// <summary>How far signing in came.</summary>
[JsonConverter(typeof(DashedEnum<SignInState>))]
public enum SignInState
{
    /// <summary>The cookie is set.</summary>
    SignedIn,

    /// <summary>A one-time code is to follow, with the ticket.</summary>
    OneTimeCodeNeeded,

    /// <summary>An administrator has to approve the account first.</summary>
    AwaitsApproval,
}

/// <summary>Keeps a passkey.</summary>
/// <param name="Ticket">As it was given with the options.</param>
/// <param name="Credential">What <c>navigator.credentials.create</c> gave, as JSON.</param>
/// <param name="Name">What to call it.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record MakePasskey(
    [property: JsonRequired] string Ticket,
    [property: JsonRequired] System.Text.Json.JsonElement Credential,
    string? Name = null
);

/// <summary>Signs in with a passkey.</summary>
/// <param name="Ticket">As it was given with the options.</param>
/// <param name="Credential">What <c>navigator.credentials.get</c> gave, as JSON.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record UsePasskey(
    [property: JsonRequired] string Ticket,
    [property: JsonRequired] System.Text.Json.JsonElement Credential
);

/// <summary>Signs in with a password.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record PasswordSignIn([property: JsonRequired] string User, [property: JsonRequired] string Password);

/// <summary>Goes on with a one-time or recovery code.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record OneTimeCodeSignIn([property: JsonRequired] string Ticket, [property: JsonRequired] string Code);

/// <summary>Makes an administrator with a sign-in code of this machine.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetUp(
    [property: JsonRequired] string Code,
    [property: JsonRequired] string User,
    [property: JsonRequired] string Password,
    string? Email = null
);

/// <summary>Makes an account of one's own.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SignUp(
    [property: JsonRequired] string User,
    [property: JsonRequired] string Password,
    string? Email = null
);

/// <summary>Sets a password with a single-use link.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RedeemLink([property: JsonRequired] string Code, [property: JsonRequired] string Password);

/// <summary>Makes a user, who gets a link.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateUser(
    [property: JsonRequired] string Name,
    [property: JsonRequired] ImmutableArray<string> Roles,
    string? FullName = null,
    string? Email = null
);

/// <summary>Gives a user other roles.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetRoles([property: JsonRequired] ImmutableArray<string> Roles);

/// <summary>Changes how a user is called and reached; what is null is cleared.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetProfile(string? FullName = null, string? Email = null);

/// <summary>Changes one's own password.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ChangePassword([property: JsonRequired] string Current, [property: JsonRequired] string Password);

/// <summary>Proves the present password for what a stolen session must not do.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ProvePassword([property: JsonRequired] string Password);

/// <summary>The first code of an authenticator app.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfirmAuthenticator([property: JsonRequired] string Code);

/// <summary>Codes that each replace a one-time code once; shown this once.</summary>
public sealed record RecoveryCodes(ImmutableArray<string> Codes);

/// <summary>Asks for an access token with some of one's roles.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateAccessToken(ImmutableArray<string>? Roles = null);

/// <summary>A role and what it allows.</summary>
public sealed record RoleView(string Name, string Description, ImmutableArray<string> Permissions);

/// <summary>How the documents of users are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(PasskeyCeremony))]
[JsonSerializable(typeof(Page<PasskeyView>))]
[JsonSerializable(typeof(MakePasskey))]
[JsonSerializable(typeof(UsePasskey))]
[JsonSerializable(typeof(Page<UserView>))]
[JsonSerializable(typeof(MeView))]
[JsonSerializable(typeof(AccountSettings))]
[JsonSerializable(typeof(SignInOptions))]
[JsonSerializable(typeof(SignInProgress))]
[JsonSerializable(typeof(PasswordSignIn))]
[JsonSerializable(typeof(OneTimeCodeSignIn))]
[JsonSerializable(typeof(SetUp))]
[JsonSerializable(typeof(SignUp))]
[JsonSerializable(typeof(RedeemLink))]
[JsonSerializable(typeof(CreateUser))]
[JsonSerializable(typeof(SetRoles))]
[JsonSerializable(typeof(SetProfile))]
[JsonSerializable(typeof(ChangePassword))]
[JsonSerializable(typeof(ProvePassword))]
[JsonSerializable(typeof(ConfirmAuthenticator))]
[JsonSerializable(typeof(AuthenticatorKey))]
[JsonSerializable(typeof(RecoveryCodes))]
[JsonSerializable(typeof(UserLink))]
[JsonSerializable(typeof(CreateAccessToken))]
[JsonSerializable(typeof(Page<AccessTokenView>))]
[JsonSerializable(typeof(Page<SessionView>))]
[JsonSerializable(typeof(Page<RoleView>))]
public sealed partial class UserJson : JsonSerializerContext;
