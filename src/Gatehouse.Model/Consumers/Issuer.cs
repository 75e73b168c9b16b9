using System.Collections.Immutable;

namespace Gatehouse.Model;

/// <summary>Who issues access tokens that APIs take, and how its tokens are read. Holds public things only.</summary>
public sealed record Issuer
{
    /// <summary>Short name; the entity's name.</summary>
    public required string Name { get; init; }

    /// <summary>The exact value of the <c>iss</c> claim (RFC 7519 §4.1.1).</summary>
    public required string Url { get; init; }

    /// <summary>Environments whose APIs take its tokens; empty for all.</summary>
    public ImmutableArray<string> Environments
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Values of <c>aud</c> of which a token must hold one; empty when the audience is not looked at.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>A JWK set (RFC 7517 §5) in place, as JSON text; null when keys are fetched.</summary>
    public string? Keys { get; init; }

    /// <summary>Where the JWK set is fetched: https, or http on a loopback address.</summary>
    public string? KeysUrl { get; init; }

    /// <summary>True to learn <see cref="KeysUrl"/> from <c>/.well-known/openid-configuration</c> below <see cref="Url"/>.</summary>
    public bool Discovery { get; init; }

    /// <summary>JWS algorithms (RFC 7518 §3.1) that are taken. A key that names none is pinned to the first of its own type.</summary>
    public ImmutableArray<string> Algorithms { get; init; } = DefaultAlgorithms;

    /// <summary>Claims that may name the OAuth2 client; the first one in a token counts.</summary>
    public ImmutableArray<string> ClientClaims { get; init; } = ["azp", "client_id", "consumerKey"];

    /// <summary>The claim that holds scopes: a list, or one text with spaces (RFC 8693 §4.2).</summary>
    public string ScopeClaim { get; init; } = "scope";

    /// <summary>How far clocks may be apart; at most five minutes.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How the issuer is asked about tokens that say nothing themselves (RFC 7662); null when it has none of those.</summary>
    public Introspection? Introspection { get; init; }

    /// <summary>What is taken when an issuer names no algorithms. Every one is asymmetric: a gateway holds no secret that signs.</summary>
    public static ImmutableArray<string> DefaultAlgorithms { get; } =
    ["RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA", "Ed25519"];
}

/// <summary>How an issuer is asked about its opaque tokens.</summary>
public sealed record Introspection
{
    /// <summary>Seconds that what it said of a token counts, unless set.</summary>
    public const int DefaultMemory = 60;

    /// <summary>Seconds that a token which was active goes on counting after that while the issuer is away, unless set.</summary>
    public const int DefaultStale = 300;

    /// <summary>The introspection endpoint: https, or http on a loopback address.</summary>
    public required string Url { get; init; }

    /// <summary>The client that the gateway asks as; null when the endpoint asks for none.</summary>
    public string? ClientId { get; init; }

    /// <summary>That client's secret, sealed (<see cref="SecretSeal"/>) for <see cref="PlaceOf"/>.</summary>
    public string? Secret { get; init; }

    /// <summary>Seconds that an answer counts; null for <see cref="DefaultMemory"/>.</summary>
    public int? MemorySeconds { get; init; }

    /// <summary>Seconds that an active token goes on counting while the issuer is away; null for <see cref="DefaultStale"/>.</summary>
    public int? StaleSeconds { get; init; }

    /// <summary>What the secret of an issuer is sealed for.</summary>
    public static string PlaceOf(string issuer) => $"issuer/{issuer}/introspection";
}
