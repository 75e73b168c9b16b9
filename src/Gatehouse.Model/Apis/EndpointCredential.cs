using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Model;

/// <summary>How the gateway proves itself to the backends of one set. In place of whatever the caller sent there.</summary>
public sealed record EndpointCredential
{
    /// <summary>User and password (RFC 7617).</summary>
    public const string Basic = "basic";

    /// <summary>An access token got with client credentials (RFC 6749 §4.4).</summary>
    public const string OAuth2 = "oauth2";

    /// <summary>A key in a header or in the query.</summary>
    public const string ApiKey = "apikey";

    /// <summary>A client certificate.</summary>
    public const string MutualTls = "mutualtls";

    /// <summary>One of those.</summary>
    public required string Type { get; init; }

    /// <summary>User of <c>basic</c>, client id of <c>oauth2</c>.</summary>
    public string? User { get; init; }

    /// <summary>Where <c>oauth2</c> gets tokens: https, or http on a loopback address.</summary>
    public string? TokenUrl { get; init; }

    /// <summary>Scopes that <c>oauth2</c> asks for.</summary>
    public ImmutableArray<string> Scopes
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Header or query parameter of <c>apikey</c>.</summary>
    public string? Name { get; init; }

    /// <summary>True when <see cref="Name"/> is a query parameter.</summary>
    public bool InQuery { get; init; }

    /// <summary>The certificate of <c>mutualtls</c>, and those between it and its authority, as PEM.</summary>
    public string? Certificate { get; init; }

    /// <summary>Password, client secret, key, or PEM of the private key; sealed (<see cref="SecretSeal"/>) for <see cref="PlaceOf"/>.</summary>
    public string? Secret { get; init; }

    /// <summary>What a secret is sealed for; the versions of an API share it.</summary>
    /// <param name="api">The API's name.</param>
    /// <param name="set"><c>production</c> or <c>sandbox</c>.</param>
    public static string PlaceOf(string api, string set) => $"api/{api}/{set}";

    /// <summary>Everything that is wrong.</summary>
    /// <param name="secret">The secret, open; null when it is not at hand.</param>
    public IEnumerable<Problem> Check(string? secret)
    {
        if (Type is not (Basic or OAuth2 or ApiKey or MutualTls))
        {
            yield return new("/type", $"'{Type}' is no credential", $"take {Basic}, {OAuth2}, {ApiKey} or {MutualTls}");
            yield break;
        }

        if (Type is Basic or OAuth2 && string.IsNullOrEmpty(User))
        {
            yield return new("/user", Type == Basic ? "Basic needs a user" : "OAuth2 needs the client's id");
        }

        if (Type == Basic && User?.Contains(':', StringComparison.Ordinal) == true)
        {
            yield return new("/user", "A user of Basic has no colon in its name (RFC 7617)");
        }

        if (
            Type == OAuth2
            && !(
                Uri.TryCreate(TokenUrl, UriKind.Absolute, out var url)
                && url.UserInfo.Length == 0
                && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback))
            )
        )
        {
            yield return new("/tokenUrl", "Tokens are got over https only; http works on a loopback address");
        }

        if (Type == ApiKey)
        {
            var name =
                string.IsNullOrEmpty(Name) ? "it has no name"
                : InQuery ? null
                : HeaderRules.NameProblem(Name);
            if (name is not null)
            {
                yield return new("/name", $"An API key needs the name of its header or query parameter: {name}");
            }

            if (!InQuery && secret is not null && HeaderRules.ValueProblem(secret) is { } value)
            {
                yield return new("/secret", $"The key cannot stand in a header: {value}");
            }
        }

        if (Type == MutualTls && CertificateProblem(secret) is { } certificate)
        {
            yield return new("/certificate", certificate);
        }
    }

    private string? CertificateProblem(string? key)
    {
        if (string.IsNullOrEmpty(Certificate))
        {
            return "Mutual TLS needs a certificate";
        }

        try
        {
            using var certificate = key is null
                ? X509Certificate2.CreateFromPem(Certificate)
                : X509Certificate2.CreateFromPem(Certificate, key);
            return null;
        }
        catch (Exception bad) when (bad is CryptographicException or ArgumentException)
        {
            return "The certificate is no PEM, or the key is another one's";
        }
    }
}
