using System.Collections.Immutable;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>An issuer, ready to check tokens. Immutable but for the keys that its source brings.</summary>
internal sealed class CompiledIssuer
{
    private static readonly TimeSpan s_mostSkew = TimeSpan.FromMinutes(5);

    private CompiledIssuer(Issuer issuer, KeySource source)
    {
        Settings = issuer;
        Source = source;
    }

    public Issuer Settings { get; }

    public KeySource Source { get; }

    /// <summary>The running issuer with other settings keeps its source while that would be the same.</summary>
    public static CompiledIssuer? TryCompile(
        Issuer issuer,
        CompiledIssuer? running,
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

        if (
            running is not null
            && running.Settings.Url == issuer.Url
            && running.Settings.Keys == issuer.Keys
            && running.Settings.KeysUrl == issuer.KeysUrl
            && running.Settings.Discovery == issuer.Discovery
            && running.Settings.Algorithms.SequenceEqual(issuer.Algorithms)
        )
        {
            return new(issuer, running.Source);
        }

        if (issuer.Keys is not null)
        {
            var keys = KeySet.Parse(Encoding.UTF8.GetBytes(issuer.Keys), issuer.Algorithms, out reason);
            field = "/keys";
            return keys is null ? null : new(issuer, KeySource.InPlace(issuer, keys));
        }

        return new(issuer, KeySource.At(issuer, Address(issuer)!));
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
