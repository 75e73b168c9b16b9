using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>A key as it was asked for, before it has an id and an owner.</summary>
internal static class KeyDraft
{
    private const int LongestCertificate = 64 * 1024;

    private static readonly (KeyType Type, string Name)[] s_types =
    [
        (KeyType.ApiKey, "apikey"),
        (KeyType.Basic, "basic"),
        (KeyType.Certificate, "certificate"),
        (KeyType.OAuth2, "oauth2"),
        (KeyType.AccessToken, "token"),
    ];

    /// <summary>The type's name in REST and on the command line.</summary>
    public static string NameOf(KeyType type) => s_types.First(t => t.Type == type).Name;

    /// <summary>The draft, and everything that is wrong with what was asked.</summary>
    public static (ApiKey Draft, ImmutableArray<Problem> Problems) Of(CreateKey ask)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        var named = ask.Type ?? "apikey";
        var known = Array.FindIndex(s_types, t => t.Name == named);
        // Tokens of an old installation are taken over, never made.
        known = known >= 0 && s_types[known].Type == KeyType.AccessToken ? -1 : known;
        if (known < 0)
        {
            problems.Add(
                new("/type", $"'{Excerpt.Of(named)}' is no type of key", "take apikey, basic, certificate or oauth2")
            );
        }

        var draft = new ApiKey
        {
            Id = "",
            Application = "",
            Hash = default,
            LastFour = "",
            CreatedAt = default,
            Sandbox = ask.Sandbox,
            Type = known < 0 ? KeyType.ApiKey : s_types[known].Type,
            Addresses = ask.Addresses ?? [],
            Referers = ask.Referers ?? [],
        };
        foreach (
            var address in draft.Addresses.Where(a => !IPNetwork.TryParse(a, out _) && !IPAddress.TryParse(a, out _))
        )
        {
            problems.Add(
                new(
                    "/addresses",
                    $"'{Excerpt.Of(address)}' is no network",
                    "write it as 192.0.2.0/24, with no bit set beyond its length"
                )
            );
        }

        if (
            draft.Addresses.Length > 100
            || draft.Referers.Length > 100
            || draft.Referers.Any(r => r.Length is 0 or > 500)
        )
        {
            problems.Add(
                new("/addresses", "A key is bound to at most 100 networks and 100 referers", "name wider ones")
            );
        }

        draft = draft.Type switch
        {
            KeyType.OAuth2 => WithClient(draft, ask, problems),
            KeyType.Certificate => WithCertificate(draft, ask, problems),
            _ => draft,
        };
        return (draft, problems.ToImmutable());
    }

    /// <summary>When what was asked for ends by itself: the end of a certificate. Null for all else, and for one that cannot be read.</summary>
    public static DateTimeOffset? EndOf(CreateKey ask)
    {
        if (ask is not { Type: "certificate", Certificate: { Length: <= LongestCertificate } pem })
        {
            return null;
        }

        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            return certificate.NotAfter.ToUniversalTime();
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static ApiKey WithClient(ApiKey draft, CreateKey ask, ImmutableArray<Problem>.Builder problems)
    {
        if (
            ask is { Issuer: { Length: > 0 } issuer, ClientId: { Length: > 0 and <= 256 } client }
            && !client.Any(char.IsControl)
        )
        {
            return draft with
            {
                Issuer = issuer,
                ClientId = client,
                Hash = ApiKey.OfClient(issuer, client),
                LastFour = client[^Math.Min(4, client.Length)..],
            };
        }

        problems.Add(
            new("/clientId", "An OAuth2 client needs its issuer and its id there", "give --issuer NAME --client-id ID")
        );
        return draft;
    }

    private static ApiKey WithCertificate(ApiKey draft, CreateKey ask, ImmutableArray<Problem>.Builder problems)
    {
        try
        {
            if (ask.Certificate is { Length: <= LongestCertificate } pem)
            {
                using var certificate = X509Certificate2.CreateFromPem(pem);
                var hash = ApiKey.OfCertificate(certificate.RawDataMemory.Span);
                return draft with
                {
                    Hash = hash,
                    Subject = Excerpt.Of(certificate.Subject),
                    LastFour = hash.ToString()[^4..],
                };
            }
        }
        catch (CryptographicException)
        {
            // Told below.
        }

        problems.Add(
            new("/certificate", "There is no certificate in PEM", "give the file with the certificate, not its key")
        );
        return draft;
    }
}
