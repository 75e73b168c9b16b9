using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Routing;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>How the gateway proves itself to the backends of one set, ready to be used.</summary>
internal sealed class BackendCredential
{
    private BackendCredential() { }

    /// <summary>The header that it stands in; null when it stands in none.</summary>
    public string? Header { get; private init; }

    /// <summary>That header's value; null when <see cref="Tokens"/> have it.</summary>
    public string? Value { get; private init; }

    /// <summary><c>name=value</c> for the query, encoded; null when it does not stand there.</summary>
    public string? Query { get; private init; }

    /// <summary>Where access tokens come from; null for other kinds.</summary>
    public BackendTokenSource? Tokens { get; private init; }

    /// <summary>The client certificate; null for other kinds.</summary>
    public X509Certificate2? Certificate { get; private init; }

    /// <summary>Opens a credential. Throws <see cref="Refused"/>.</summary>
    /// <param name="api">The API's name.</param>
    /// <param name="set"><c>production</c> or <c>sandbox</c>.</param>
    /// <param name="credential">As it came; null for none.</param>
    /// <param name="secrets">Opens secrets; null when this node can open none.</param>
    /// <param name="tokens">Finds or makes a source of tokens.</param>
    public static BackendCredential? Open(
        string api,
        string set,
        EndpointCredential? credential,
        SecretSeal? secrets,
        Func<EndpointCredential, string, BackendTokenSource> tokens
    )
    {
        if (credential is null)
        {
            return null;
        }

        var field = $"/{set}/credential";
        if (secrets is null || credential.Secret is null)
        {
            throw new Refused(
                $"{field}/secret",
                credential.Secret is null ? "The credential has no secret; set it again." : SealTrouble.NoKey
            );
        }

        string secret;
        try
        {
            secret = secrets.Open(EndpointCredential.PlaceOf(api, set), credential.Secret);
        }
        catch (CryptographicException bad)
        {
            throw new Refused($"{field}/secret", bad.Message);
        }

        if (credential.Check(secret).FirstOrDefault() is { } problem)
        {
            throw new Refused(field + problem.Pointer, problem.Message + ".");
        }

        return credential.Type switch
        {
            EndpointCredential.Basic => new()
            {
                Header = "Authorization",
                Value = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{secret}"))}",
            },
            EndpointCredential.OAuth2 => new() { Header = "Authorization", Tokens = tokens(credential, secret) },
            EndpointCredential.ApiKey when credential.InQuery => new()
            {
                Query = $"{Uri.EscapeDataString(credential.Name!)}={Uri.EscapeDataString(secret)}",
            },
            EndpointCredential.ApiKey => new() { Header = credential.Name, Value = secret },
            _ => new() { Certificate = X509Certificate2.CreateFromPem(credential.Certificate, secret) },
        };
    }
}
