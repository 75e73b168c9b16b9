using System.Collections.Immutable;
using System.Text;

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

    /// <summary>For people; null for nothing.</summary>
    public string? Description { get; init; }

    /// <summary>Users who share it with its owner, sorted.</summary>
    public ImmutableArray<string> Group
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>True while it may call nothing; its keys stay.</summary>
    public bool Suspended { get; init; }

    /// <summary>The <see cref="ApplicationPolicy"/> that bounds all its calls together; null for no bound.</summary>
    public string? Policy { get; init; }
}

/// <summary>One application's right to call one API version.</summary>
public sealed record Subscription
{
    /// <summary>The application's id.</summary>
    public required string Application { get; init; }

    /// <summary>The API's entity name, <c>name:version</c>.</summary>
    public required string Api { get; init; }

    /// <summary>Whether it opens the API now.</summary>
    public SubscriptionState State { get; init; }

    /// <summary>The <see cref="Model.Plan"/> it is on; null for <see cref="Plan.Unlimited"/>.</summary>
    public string? Plan { get; init; }

    /// <summary>The entity name of a subscription.</summary>
    public static string EntityName(string application, string api) => $"{application}/{api}";
}

/// <summary>The states of a subscription that the gateway tells apart (WSO2's). Append only.</summary>
public enum SubscriptionState
{
    /// <summary>Opens the API.</summary>
    Active,

    /// <summary>Opens nothing: 900907.</summary>
    Blocked,

    /// <summary>Opens the sandbox only: 900907 for production keys.</summary>
    ProductionBlocked,

    /// <summary>Waits for approval: 900909.</summary>
    OnHold,
}

/// <summary>What a caller proves itself with. Append only.</summary>
public enum KeyType
{
    /// <summary>A secret in a header of its own.</summary>
    ApiKey,

    /// <summary>The key's id as user and its secret as password (RFC 7617).</summary>
    Basic,

    /// <summary>The private key of a certificate, shown in a TLS handshake.</summary>
    Certificate,

    /// <summary>Access tokens of an issuer for one OAuth2 client.</summary>
    OAuth2,

    /// <summary>One access token that an old installation issued, known by its hash: it counts until it expires.</summary>
    AccessToken,
}

/// <summary>
/// What a caller of an application proves itself with. A secret itself is never stored: whatever the type, the key is found
/// by the digest of what is shown.
/// </summary>
public sealed record ApiKey
{
    /// <summary>Unique for ever, such as <c>key_8d2h5n1p</c>; the entity's name.</summary>
    public required string Id { get; init; }

    /// <summary>The application's id.</summary>
    public required string Application { get; init; }

    /// <summary>What is shown: <see cref="OfSecret"/>, <see cref="OfCertificate"/> or <see cref="OfClient"/>.</summary>
    public required Digest Hash { get; init; }

    /// <summary>What it is.</summary>
    public KeyType Type { get; init; }

    /// <summary>The issuer's name; of an OAuth2 client, or of the client that an access token was issued to.</summary>
    public string? Issuer { get; init; }

    /// <summary>The OAuth2 client's id at its issuer (WSO2: consumer key).</summary>
    public string? ClientId { get; init; }

    /// <summary>Scopes; of an access token only.</summary>
    public ImmutableArray<string> Scopes
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Whom an access token speaks for; null when for its client alone (WSO2: user type APPLICATION).</summary>
    public string? User { get; init; }

    /// <summary>The certificate's subject, for people.</summary>
    public string? Subject { get; init; }

    /// <summary>Networks (CIDR) it may be used from; empty for any.</summary>
    public ImmutableArray<string> Addresses
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Beginnings of <c>Referer</c> it may be used with, such as <c>https://shop.example/</c>; empty for any.</summary>
    public ImmutableArray<string> Referers
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Calls sandbox endpoints instead of production ones.</summary>
    public bool Sandbox { get; init; }

    /// <summary>The last four characters, to recognise it by.</summary>
    public required string LastFour { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>How an API key or a password is found: by SHA-256 of its UTF-8 bytes.</summary>
    public static Digest OfSecret(string secret) => Digest.Of(Encoding.UTF8.GetBytes(secret));

    /// <summary>How a certificate is found: by SHA-256 of its DER bytes, its usual thumbprint.</summary>
    public static Digest OfCertificate(ReadOnlySpan<byte> der) => Digest.Of(der);

    /// <summary>How an OAuth2 client is found. No secret and no certificate begins like this.</summary>
    public static Digest OfClient(string issuer, string clientId) =>
        Digest.Of(Encoding.UTF8.GetBytes($"oauth2\n{issuer}\n{clientId}"));
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

    /// <summary>The entity name that revokes one access token, by <see cref="TokenDigest"/>.</summary>
    public static string OfToken(Digest token) => $"token/{token}";

    /// <summary>The entity name that revokes the token with a <c>jti</c> of an issuer (RFC 7519 §4.1.7).</summary>
    public static string OfJti(string issuer, string jti) => $"jti/{issuer}/{jti}";

    /// <summary>
    /// Names a token. Of a signed one the signature is left out: there may be several for the same content (an ECDSA
    /// signature has a twin), and revoking one must end all.
    /// </summary>
    public static Digest TokenDigest(string token) =>
        Digest.Of(Encoding.UTF8.GetBytes(token.Count(c => c == '.') == 2 ? token[..token.LastIndexOf('.')] : token));
}
