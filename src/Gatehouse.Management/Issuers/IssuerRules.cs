using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What an issuer must keep to. Pure; finds everything that is wrong. Workers check once more, key by key.</summary>
internal static partial class IssuerRules
{
    private const int LongestKeys = 256 * 1024;

    /// <summary>Everything that is wrong with <paramref name="issuer"/>.</summary>
    public static ImmutableArray<Problem> Check(Issuer issuer)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        if (!Name().IsMatch(issuer.Name))
        {
            problems.Add(
                new(
                    "/name",
                    "An issuer's name has 1 to 64 letters, digits and -._, the first a letter or digit",
                    "choose another"
                )
            );
        }

        if (issuer.Url.Length is 0 or > 2000)
        {
            problems.Add(
                new(
                    "/url",
                    "The exact value of the tokens' iss claim is missing",
                    "give one such as https://id.example/realms/shop"
                )
            );
        }

        foreach (var algorithm in issuer.Algorithms.Where(a => !Issuer.DefaultAlgorithms.Contains(a)))
        {
            problems.Add(
                new(
                    "/algorithms",
                    $"'{Excerpt.Of(algorithm)}' is no algorithm that is taken",
                    $"take of {string.Join(", ", Issuer.DefaultAlgorithms)}"
                )
            );
        }

        if (issuer.ClockSkew < TimeSpan.Zero || issuer.ClockSkew > TimeSpan.FromMinutes(5))
        {
            problems.Add(new("/clockSkew", "Clocks may be apart by 0 to 300 seconds", "give another time"));
        }

        CheckKeys(issuer, problems);
        return problems.ToImmutable();
    }

    private static void CheckKeys(Issuer issuer, ImmutableArray<Problem>.Builder problems)
    {
        var places = (issuer.Keys is null ? 0 : 1) + (issuer.KeysUrl is null ? 0 : 1) + (issuer.Discovery ? 1 : 0);
        if (issuer.Introspection is { } asked)
        {
            if (!MayFetch(asked.Url))
            {
                problems.Add(
                    new(
                        "/introspectionUrl",
                        "Issuers are asked over https only, because tokens and the gateway's secret go there; http works on a loopback address",
                        "give an https address without user name"
                    )
                );
            }

            if (asked.MemorySeconds is < 1 or > 3600 || asked.StaleSeconds is < 0 or > 86_400)
            {
                problems.Add(
                    new("/introspection", "Answers are remembered for 1 to 3600 seconds, stale ones for at most 86400")
                );
            }
        }

        if (places != 1 && !(places == 0 && issuer.Introspection is not null))
        {
            problems.Add(
                new(
                    "/keys",
                    "Keys come from one place, and this names " + (places == 0 ? "none" : "several"),
                    "give either a JWK set (keys), its address (keysUrl), or discovery; or none, with introspectionUrl, when its tokens are opaque"
                )
            );
        }

        var address = issuer.Discovery ? issuer.Url : issuer.KeysUrl;
        if (address is not null && !MayFetch(address))
        {
            problems.Add(
                new(
                    issuer.Discovery ? "/url" : "/keysUrl",
                    "Keys are fetched over https only, because whoever changes them on the way can sign tokens; http works on a loopback address",
                    "give an https address without user name"
                )
            );
        }

        if (issuer.Keys is { } keys && !IsKeySet(keys))
        {
            problems.Add(
                new(
                    "/keys",
                    "This is no JWK set: a JSON object with a list called keys",
                    "see RFC 7517 §5 for its form"
                )
            );
        }
    }

    private static bool MayFetch(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var url)
        && url.UserInfo.Length == 0
        && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback));

    private static bool IsKeySet(string text)
    {
        if (text.Length > LongestKeys)
        {
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(text, new() { AllowDuplicateProperties = false, MaxDepth = 8 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("keys", out var keys)
                && keys.ValueKind == JsonValueKind.Array
                && keys.GetArrayLength() > 0;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex Name();
}
