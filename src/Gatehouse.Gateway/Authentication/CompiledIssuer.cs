using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>An issuer, ready to check tokens. Immutable but for the keys that its source brings.</summary>
internal sealed class CompiledIssuer
{
    private static readonly TimeSpan s_mostSkew = TimeSpan.FromMinutes(5);

    private CompiledIssuer(Issuer issuer, KeySource source, IntrospectionClient? introspection)
    {
        Settings = issuer;
        Source = source;
        Introspection = introspection;
    }

    public Issuer Settings { get; }

    public KeySource Source { get; }

    /// <summary>Who is asked about its opaque tokens; null when it has none.</summary>
    public IntrospectionClient? Introspection { get; }

    /// <summary>The running issuer with other settings keeps its source while that would be the same.</summary>
    /// <param name="issuer">The settings.</param>
    /// <param name="running">The issuer that runs under its name.</param>
    /// <param name="secrets">Opens its secret; null when this node can open none.</param>
    /// <param name="field">Where it is wrong.</param>
    /// <param name="reason">What is wrong.</param>
    public static CompiledIssuer? TryCompile(
        Issuer issuer,
        CompiledIssuer? running,
        SecretSeal? secrets,
        out string field,
        out string reason
    )
    {
        issuer = issuer with
        {
            Algorithms = issuer.Algorithms.IsDefaultOrEmpty ? Issuer.DefaultAlgorithms : issuer.Algorithms,
            Audiences = issuer.Audiences.IsDefault ? [] : issuer.Audiences,
            ClientClaims = issuer.ClientClaims.IsDefault ? [] : issuer.ClientClaims,
        };
        (field, reason) = Problem(issuer);
        if (reason.Length > 0)
        {
            return null;
        }

        if (!TryIntrospection(issuer, secrets, out var introspection, out reason))
        {
            field = "/introspection/secret";
            return null;
        }

        if (
            running is not null
            && running.Settings.Url == issuer.Url
            && running.Settings.Keys == issuer.Keys
            && running.Settings.KeysUrl == issuer.KeysUrl
            && running.Settings.Discovery == issuer.Discovery
            && running.Settings.Algorithms.SequenceEqual(issuer.Algorithms)
        )
        {
            return new(issuer, running.Source, introspection);
        }

        if (issuer.Keys is not null)
        {
            var keys = KeySet.Parse(Encoding.UTF8.GetBytes(issuer.Keys), issuer.Algorithms, out reason);
            field = "/keys";
            return keys is null ? null : new(issuer, KeySource.InPlace(issuer, keys), introspection);
        }

        return new(
            issuer,
            Address(issuer) is { } address ? KeySource.At(issuer, address) : KeySource.None(issuer),
            introspection
        );
    }

    private static bool TryIntrospection(
        Issuer issuer,
        SecretSeal? secrets,
        out IntrospectionClient? client,
        out string reason
    )
    {
        (client, reason) = (null, "");
        if (issuer.Introspection is not { } settings)
        {
            return true;
        }

        string? secret = null;
        if (settings.Secret is { } sealedSecret)
        {
            if (secrets is null)
            {
                reason = SealTrouble.NoKey;
                return false;
            }

            try
            {
                secret = secrets.Open(Model.Introspection.PlaceOf(issuer.Name), sealedSecret);
            }
            catch (CryptographicException bad)
            {
                reason = bad.Message;
                return false;
            }
        }

        client = new(settings, secret);
        return true;
    }

    private static (string Field, string Reason) Problem(Issuer issuer)
    {
        if (issuer.Url.Length == 0)
        {
            return ("/url", "The issuer has no URL; give the exact value of the iss claim.");
        }

        if (issuer.Algorithms.FirstOrDefault(a => SignatureAlgorithm.Find(a) is null) is { } unknown)
        {
            return ("/algorithms", $"'{unknown}' is not one of {string.Join(", ", Issuer.DefaultAlgorithms)}.");
        }

        if (issuer.ClockSkew < TimeSpan.Zero || issuer.ClockSkew > s_mostSkew)
        {
            return ("/clockSkew", $"Clocks may be apart by 0 to {s_mostSkew.TotalMinutes} minutes.");
        }

        var ways = (issuer.Keys is null ? 0 : 1) + (issuer.KeysUrl is null ? 0 : 1) + (issuer.Discovery ? 1 : 0);
        if (issuer.Introspection is { } asked)
        {
            if (!Uri.TryCreate(asked.Url, UriKind.Absolute, out var endpoint) || !KeySource.MayFetch(endpoint))
            {
                return ("/introspection/url", "Issuers are asked at an https address, or http on this machine.");
            }

            if (ways == 0)
            {
                return ("", "");
            }
        }

        if (ways != 1)
        {
            return ("/keys", "Keys come from one place: in place, from an address, or by discovery.");
        }

        return issuer.Keys is not null || (Address(issuer) is { } address && KeySource.MayFetch(address))
            ? ("", "")
            : ("/keysUrl", "Keys are fetched from an https address, or http on this machine.");
    }

    private static Uri? Address(Issuer issuer) =>
        Uri.TryCreate(
            issuer.Discovery ? $"{issuer.Url.TrimEnd('/')}/.well-known/openid-configuration" : issuer.KeysUrl,
            UriKind.Absolute,
            out var address
        )
            ? address
            : null;
}
