namespace Gatehouse.Model;

/// <summary>What an app developer calls APIs with: it owns keys and subscriptions.</summary>
public sealed record Application
{
    /// <summary>Unique for ever, such as <c>app_4f9k2m7q</c>; the entity's name.</summary>
    public required string Id { get; init; }

    /// <summary>The name its owner gave it.</summary>
    public required string Name { get; init; }

    /// <summary>The user it belongs to.</summary>
    public required string Owner { get; init; }
}

/// <summary>One application's right to call one API version.</summary>
public sealed record Subscription
{
    /// <summary>The application's id.</summary>
    public required string Application { get; init; }

    /// <summary>The API's entity name, <c>name:version</c>.</summary>
    public required string Api { get; init; }

    /// <summary>The entity name of a subscription.</summary>
    public static string EntityName(string application, string api) => $"{application}/{api}";
}

/// <summary>An API key of an application. The key itself is never stored.</summary>
public sealed record ApiKey
{
    /// <summary>Unique for ever, such as <c>key_8d2h5n1p</c>; the entity's name.</summary>
    public required string Id { get; init; }

    /// <summary>The application's id.</summary>
    public required string Application { get; init; }

    /// <summary>SHA-256 of the key's UTF-8 bytes.</summary>
    public required Digest Hash { get; init; }

    /// <summary>Calls sandbox endpoints instead of production ones.</summary>
    public bool Sandbox { get; init; }

    /// <summary>The last four characters, to recognise it by.</summary>
    public required string LastFour { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Something that no longer opens any door. The entity's name says what; the payload says why, for people.</summary>
public sealed record Revocation
{
    /// <summary>Why, in the words of who revoked it.</summary>
    public string? Reason { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The entity name that revokes a key.</summary>
    public static string OfKey(string id) => $"key/{id}";

    /// <summary>The entity name that revokes an application with all its keys.</summary>
    public static string OfApplication(string id) => $"application/{id}";
}
