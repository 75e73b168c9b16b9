using System.Security.Cryptography;
using System.Text;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Knows a caller by the API key in a header. The table holds digests of keys, so a key is hashed and looked up; there is
/// nothing to compare it with in a time that depends on its characters.
/// </summary>
internal sealed class ApiKeyPolicy : IPolicy
{
    /// <summary>The word in <see cref="Api.Security"/>.</summary>
    public const string Scheme = "apikey";

    /// <summary>No key of ours is longer; hashing more would let a caller buy work with one header.</summary>
    private const int LongestKey = 512;

    private readonly string _header;
    private readonly GatewayProblem _missing;
    private readonly GatewayProblem _invalid;

    public ApiKeyPolicy(Api api)
    {
        _header = api.ApiKeyHeader;
        var realm =
            $"APIKey realm=\"{Api.EntityName(api.Name, api.Version).Replace("\"", "", StringComparison.Ordinal)}\"";
        _missing = new(
            401,
            "900902",
            "Missing Credentials",
            $"Invalid Credentials. Make sure your API invocation call has a header: '{_header} : API Key'"
        )
        {
            IsSecurity = true,
            Challenge = realm,
        };
        _invalid = new(
            401,
            "900901",
            "Invalid Credentials",
            "Invalid Credentials. Make sure you have provided the correct security credentials"
        )
        {
            IsSecurity = true,
            Challenge = $"{realm}, error=\"invalid_token\", error_description=\"The provided token is invalid\"",
        };
    }

    public GatewayProblem? Apply(Exchange exchange)
    {
        var values = exchange.Request.Headers[_header];
        if (values.Count == 0 || values[0] is not { Length: > 0 } presented)
        {
            return _missing;
        }

        if (values.Count > 1 || presented.Length > LongestKey)
        {
            return _invalid;
        }

        // Header text is Latin-1 of the bytes on the wire, so this gives back exactly the bytes that were sent.
        Span<byte> bytes = stackalloc byte[LongestKey];
        var length = Encoding.Latin1.GetBytes(presented, bytes);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..length], hash);

        if (!exchange.Consumers.TryAuthenticate(Digest.From(hash), exchange.Now, out var key, out var application))
        {
            return _invalid;
        }

        exchange.Key = key;
        exchange.Application = application;

        // The credential was ours; the backend must not see it.
        exchange.ConsumedHeader = _header;
        return null;
    }
}
