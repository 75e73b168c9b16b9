using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>A token whose signature and claims were found right: what is remembered of it, never the token.</summary>
internal sealed record AccessToken
{
    /// <summary>The issuer as it was set up when the token was checked.</summary>
    public required CompiledIssuer Issuer { get; init; }

    /// <summary>The key that its signature was checked with; null until it was.</summary>
    public VerificationKey? Key { get; init; }

    /// <summary>Its issuer was asked about it: it is opaque, and no key of ours checks it.</summary>
    public bool IsIntrospected { get; init; }

    /// <summary>It is one of an old installation, known by its hash: see <see cref="KnownToken"/>.</summary>
    public bool IsKnown { get; init; }

    /// <summary>Names it in a revocation.</summary>
    public required Digest Digest { get; init; }

    /// <summary>Its <c>jti</c>, in the form that a revocation has; null when it has none.</summary>
    public string? JtiRevocation { get; init; }

    /// <summary>What <see cref="ApiKey.OfClient"/> says for its client; null when it names none.</summary>
    public Digest? Client { get; init; }

    /// <summary>Whom it speaks for; null when it does not say.</summary>
    public string? Subject { get; init; }

    /// <summary>True when an application got it for a user.</summary>
    public bool IsUsers { get; init; }

    public ImmutableArray<string> Scopes { get; init; } = [];

    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>Claims that are text, numbers or truth values, for limits that ask for them.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Claims { get; init; } = [];

    /// <summary>When it stops being honoured: its <c>exp</c> and the clock skew.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>A claim as text; null when it is not there or is a list or object.</summary>
    public string? Claim(string name)
    {
        foreach (var (claim, value) in Claims)
        {
            if (claim == name)
            {
                return value;
            }
        }

        return null;
    }

    public bool HasAnyScope(ImmutableArray<string> wanted)
    {
        foreach (var scope in wanted)
        {
            if (Scopes.Contains(scope))
            {
                return true;
            }
        }

        return false;
    }

    public bool IsFor(ImmutableArray<string> audiences)
    {
        foreach (var audience in audiences)
        {
            if (Audiences.Contains(audience))
            {
                return true;
            }
        }

        return audiences.IsEmpty;
    }
}
