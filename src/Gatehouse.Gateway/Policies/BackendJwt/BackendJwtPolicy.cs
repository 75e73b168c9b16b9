using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Tells the backend who calls, in a JWT that the worker signs (WSO2's <c>X-JWT-Assertion</c>; claims and encodings as in its
/// AbstractAPIMgtGatewayJWTGenerator). One is used again for the same caller until half of its life is over.
/// </summary>
internal sealed class BackendJwtPolicy : IWaitingPolicy
{
    private static readonly GatewayProblem s_busy = new(
        503,
        "101500",
        "Runtime Error",
        "The gateway has too many assertions to sign now; try again later"
    );

    private readonly BackendJwtSettings _settings;
    private readonly AssertionSigner _signer;
    private readonly TokenCache<string> _made;
    private readonly string _api;
    private readonly string _version;
    private readonly string _context;
    private readonly string _header;
    private readonly bool _isUrl;

    /// <param name="settings">Checked.</param>
    /// <param name="api">The API.</param>
    /// <param name="context">Context and version, as callers call it.</param>
    /// <param name="signer">Signs.</param>
    /// <param name="made">What was made for the API's callers.</param>
    public BackendJwtPolicy(
        BackendJwtSettings settings,
        Api api,
        string context,
        AssertionSigner signer,
        TokenCache<string> made
    )
    {
        (_settings, _signer, _made) = (settings, signer, made);
        (_api, _version, _context) = (api.Name, api.Version, context);
        _isUrl = settings.Encoding == "base64url";
        _header = Encoded(
            JsonSerializer.SerializeToUtf8Bytes(
                new Dictionary<string, string>
                {
                    ["typ"] = "JWT",
                    ["alg"] = "RS256",
                    ["kid"] = signer.KeyId,
                },
                AssertionJson.Default.DictionaryStringString
            )
        );
    }

    public bool RunsAgain => false;

    public ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        // Whoever could send it could be anybody.
        exchange.Request.Headers.Remove(_settings.Header);
        if (exchange.Application is null)
        {
            return new((GatewayProblem?)null);
        }

        var caller = CallerOf(exchange);
        if (_made.TryGet(caller, exchange.Now, out var made))
        {
            exchange.Request.Headers[_settings.Header] = made;
            return new((GatewayProblem?)null);
        }

        return SignAsync(exchange, caller);
    }

    // All that it says depends on these; a change of the API makes another policy and another memory.
    private Digest CallerOf(Exchange exchange)
    {
        var application = exchange.Application!;
        return Digest.Of(
            Encoding.UTF8.GetBytes(
                string.Join(
                    '\n',
                    _settings.Header,
                    application.Id,
                    application.Name,
                    application.Owner,
                    application.Limits?.Policy,
                    exchange.Key?.Id,
                    exchange.Subscription?.Plan,
                    exchange.Token?.Digest.ToString()
                )
            )
        );
    }

    private async ValueTask<GatewayProblem?> SignAsync(Exchange exchange, Digest caller)
    {
        var content = Encoding.ASCII.GetBytes($"{_header}.{Encoded(Claims(exchange))}");
        if (await _signer.SignAsync(content).ConfigureAwait(false) is not { } signature)
        {
            return s_busy;
        }

        var made = $"{Encoding.ASCII.GetString(content)}.{Encoded(signature)}";
        var until = exchange.Now.AddSeconds(_settings.Seconds / 2.0);
        _made.Add(caller, made, until < exchange.AdmittedUntil ? until : exchange.AdmittedUntil);
        exchange.Request.Headers[_settings.Header] = made;
        return null;
    }

    private byte[] Claims(Exchange exchange)
    {
        var application = exchange.Application!;
        var user = CallerFacts.User(exchange);
        var who = user ?? application.Owner ?? application.Name!;
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("iss", _settings.Issuer);
            json.WriteString("sub", who);
            json.WriteNumber("iat", exchange.Now.ToUnixTimeSeconds());
            json.WriteNumber("exp", exchange.Now.AddSeconds(_settings.Seconds).ToUnixTimeSeconds());
            json.WriteString("jti", Guid.NewGuid());
            Claim("subscriber", application.Owner);
            Claim("applicationid", application.Id);
            Claim("applicationUUId", application.Id);
            Claim("applicationname", application.Name);
            Claim("applicationtier", application.Limits?.Policy ?? Plan.Unlimited);
            Claim("apiname", _api);
            Claim("apicontext", _context);
            Claim("version", _version);
            Claim("tier", exchange.Subscription?.Plan ?? Plan.Unlimited);
            Claim("keytype", exchange.Key is { IsSandbox: true } ? "SANDBOX" : "PRODUCTION");
            Claim("usertype", user is null ? "APPLICATION" : "APPLICATION_USER");
            Claim("enduser", who);

            // WSO2's number of the one tenant there is.
            Claim("enduserTenantId", "-1234");
            foreach (var name in _settings.TokenClaims)
            {
                if (exchange.Token?.Claim(name) is { } value)
                {
                    json.WriteString(name, value);
                }
            }

            json.WriteEndObject();

            void Claim(string name, string? value)
            {
                if (value is not null)
                {
                    json.WriteString(_settings.Dialect + name, value);
                }
            }
        }

        return buffer.WrittenSpan.ToArray();
    }

    private string Encoded(byte[] bytes) => _isUrl ? Base64Url.EncodeToString(bytes) : Convert.ToBase64String(bytes);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class AssertionJson : System.Text.Json.Serialization.JsonSerializerContext;
