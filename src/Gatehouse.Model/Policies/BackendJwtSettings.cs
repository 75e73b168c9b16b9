using System.Collections.Immutable;
using System.ComponentModel;

namespace Gatehouse.Model;

/// <summary>Settings of <c>backend-jwt</c>.</summary>
public sealed record BackendJwtSettings : IPolicySettings
{
    /// <summary>The header that it stands in.</summary>
    [Description("The header; the caller's own is removed in any case")]
    public string Header { get; set; } = "X-JWT-Assertion";

    /// <summary>How its parts are written.</summary>
    [Description("base64 (with + / and =, as WSO2 writes it unless told otherwise) or base64url (RFC 7515)")]
    public string Encoding { get; set; } = "base64";

    /// <summary>Who is said to have made it.</summary>
    [Description("Its iss")]
    public string Issuer { get; set; } = "wso2.org/products/am";

    /// <summary>In front of the names of claims about application, API and user.</summary>
    [Description("What stands before the names of the claims about application, API and user")]
    public string Dialect { get; set; } = "http://wso2.org/claims/";

    /// <summary>How long it is good.</summary>
    [Description("How long it is good, in seconds; it is used again for half of that")]
    public int Seconds { get; set; } = 900;

    /// <summary>Claims of the caller's token that go along.</summary>
    [Description(
        "Claims of the caller's access token that go along under their own names, when they are text, numbers or truth values"
    )]
    public ImmutableArray<string> TokenClaims { get; set; } = [];

    IEnumerable<Problem> IPolicySettings.Check()
    {
        if (HeaderRules.NameProblem(Header) is { } header)
        {
            yield return new("/header", header);
        }

        if (Encoding is not ("base64" or "base64url"))
        {
            yield return new("/encoding", $"'{Encoding}' is no encoding; use base64 or base64url");
        }

        if (Dialect.Length > 200 || Issuer.Length is 0 or > 200)
        {
            yield return new("/issuer", "Issuer and dialect have at most 200 characters, and the issuer is not empty");
        }

        foreach (var problem in Bounds.Check(("seconds", Seconds, 86_400)))
        {
            yield return problem;
        }

        string[] ours = ["iss", "sub", "exp", "nbf", "iat", "jti", "aud"];
        for (var i = 0; i < TokenClaims.Length; i++)
        {
            if (ours.Contains(TokenClaims[i]) || TokenClaims[i].StartsWith(Dialect, StringComparison.Ordinal))
            {
                yield return new($"/tokenClaims/{i}", $"'{TokenClaims[i]}' is the gateway's to say");
            }
        }
    }
}
