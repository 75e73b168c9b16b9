using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>Something that waits until somebody who may approves it.</summary>
public sealed record ApprovalTask
{
    /// <summary>Unique for ever; grows with time. Of a sign-up <c>user-</c> and the user's name.</summary>
    public required string Id { get; init; }

    /// <summary>What is asked for.</summary>
    public required ApprovalKind Kind { get; init; }

    /// <summary>In a sentence, for people.</summary>
    public required string Summary { get; init; }

    /// <summary>Who asks.</summary>
    public required string RequestedBy { get; init; }

    /// <summary>Since when.</summary>
    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>The application's id, when it is about one.</summary>
    public string? Application { get; init; }

    /// <summary>The API's full name, when it is about one.</summary>
    public string? Api { get; init; }

    /// <summary>The step that is asked for; of a <see cref="ApprovalKind.Lifecycle"/> only.</summary>
    public LifecycleRequest? Step { get; init; }

    /// <summary>True when a key for the sandbox is asked for; of a <see cref="ApprovalKind.Key"/> only.</summary>
    public bool Sandbox { get; init; }

    /// <summary>Whether it was decided, and how.</summary>
    public ApprovalState State { get; init; }

    /// <summary>Who decided.</summary>
    public string? DecidedBy { get; init; }

    /// <summary>When.</summary>
    public DateTimeOffset? DecidedAt { get; init; }

    /// <summary>What they said about it.</summary>
    public string? Comment { get; init; }
}

/// <summary>What may have to be approved (WSO2's workflows). Append only.</summary>
[JsonConverter(typeof(DashedEnum<ApprovalKind>))]
public enum ApprovalKind
{
    /// <summary>An account that somebody made for themselves.</summary>
    User,

    /// <summary>A new application.</summary>
    Application,

    /// <summary>A new subscription.</summary>
    Subscription,

    /// <summary>A new key.</summary>
    Key,

    /// <summary>A step of an API's life.</summary>
    Lifecycle,
}

/// <summary>Where a task stands. Append only.</summary>
[JsonConverter(typeof(DashedEnum<ApprovalState>))]
public enum ApprovalState
{
    /// <summary>Waits.</summary>
    Pending,

    /// <summary>Was allowed.</summary>
    Approved,

    /// <summary>Was not.</summary>
    Rejected,

    /// <summary>Was allowed, and what it allowed was done: one key was made.</summary>
    Used,
}

/// <summary>Which things have to be approved. Sign-up has its own setting.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApprovalSettings
{
    /// <summary>New applications of subscribers, by a publisher.</summary>
    public bool Applications { get; init; }

    /// <summary>New subscriptions of subscribers, by a publisher.</summary>
    public bool Subscriptions { get; init; }

    /// <summary>New keys of subscribers, by a publisher.</summary>
    public bool Keys { get; init; }

    /// <summary>Steps of APIs' lives, by an administrator.</summary>
    public bool Lifecycle { get; init; }
}

/// <summary>Decides a task.</summary>
/// <param name="Approve">True to allow it.</param>
/// <param name="Comment">What is said about it.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record Decision([property: JsonRequired] bool Approve, string? Comment = null);
