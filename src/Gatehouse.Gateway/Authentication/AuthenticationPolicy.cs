using System.Collections.Immutable;
using System.Text;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Routing;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// Finds out which application calls, by whatever the API takes: an access token, a Basic or API key, a client certificate.
/// The table holds digests, so what is shown is hashed and looked up; there is nothing to compare it with in a time that
/// depends on its characters. What was used to get in is taken off the request.
/// </summary>
internal sealed class AuthenticationPolicy : IPolicy
{
    /// <summary>No secret of ours is longer; hashing more would let a caller buy work with one header.</summary>
    private const int LongestSecret = 512;

    private readonly Ways _ways;
    private readonly bool _certificateMandatory;
    private readonly bool _credentialMandatory;
    private readonly bool _passesAuthorization;
    private readonly string _authorization;
    private readonly string _keyHeader;
    private readonly AuthType _type;
    private readonly ImmutableArray<string> _scopes;
    private readonly IssuerChoice _issuers;
    private readonly ImmutableArray<string> _audiences;
    private readonly AuthenticationProblems _problems;
    private readonly TokenVerifier _verifier;

    public AuthenticationPolicy(Api api, Operation operation, TokenVerifier verifier, string environment)
    {
        _ways = WaysOf(api);
        var takesCredentials = (_ways & Ways.Credentials) != 0;
        _certificateMandatory = _ways.HasFlag(Ways.MutualTls) && (api.CertificateMandatory || !takesCredentials);
        _credentialMandatory = takesCredentials && !(api.CredentialOptional && _ways.HasFlag(Ways.MutualTls));
        _passesAuthorization = api.PassAuthorization;
        _authorization = api.AuthorizationHeader;
        _keyHeader = api.ApiKeyHeader;
        _type = operation.AuthType;
        _scopes = operation.Scopes;
        _issuers = new(api.Issuers, environment);
        _audiences = api.Audiences;
        _problems = new(api, operation, _ways);
        _verifier = verifier;
    }

    public GatewayProblem? Apply(Exchange exchange) =>
        exchange.IsSecondLook ? Reaffirm(exchange) : Enter(exchange, recall: true, default);

    /// <summary>Says that a token is not remembered: <see cref="CheckAsync"/> has to be asked. Never told to a caller.</summary>
    public static readonly GatewayProblem NotRemembered = new(
        500,
        "900900",
        "Not checked",
        "The token was not checked"
    );

    /// <summary>Checks the request's token and lets it pass or not.</summary>
    public async ValueTask<GatewayProblem?> CheckAsync(Exchange exchange)
    {
        var text = Bearer(exchange, exchange.Request.Headers[_authorization])!;
        var verdict = await _verifier
            .CheckAsync(text, exchange.Shown.DigestOf(text), exchange.Consumers.Issuers, _issuers)
            .ConfigureAwait(false);
        return Enter(exchange, recall: false, verdict);
    }

    private static Ways WaysOf(Api api)
    {
        var ways = Ways.None;
        foreach (var scheme in api.Security)
        {
            ways |= scheme switch
            {
                SecurityScheme.ApiKey => Ways.ApiKey,
                SecurityScheme.OAuth2 => Ways.OAuth2,
                SecurityScheme.Basic => Ways.Basic,
                SecurityScheme.MutualTls => Ways.MutualTls,
                _ => Ways.None,
            };
        }

        return ways;
    }

    private GatewayProblem? Enter(Exchange exchange, bool recall, (TokenVerdict Verdict, AccessToken? Token) verdict)
    {
        // 1. The certificate: one that is bound to no application counts as none.
        if (
            _ways.HasFlag(Ways.MutualTls)
            && exchange.Caller.CertificateDigest(exchange) is { } certificate
            && Knows(exchange, certificate, KeyType.Certificate, out var key, out var application)
        )
        {
            exchange.Certificate = key;
        }
        else if (_certificateMandatory)
        {
            return _problems.Certificate;
        }

        // 2. The credential: the first of these that is there, and no other; a bad one is not made good by the next.
        var headers = exchange.Request.Headers;
        var authorization = headers[_authorization];
        if (_ways.HasFlag(Ways.OAuth2) && HasScheme(authorization.ToString(), "Bearer"))
        {
            return Bearer(exchange, authorization) is { } token
                ? EnterWithToken(exchange, token, recall, verdict)
                : _problems.Invalid;
        }

        if (_ways.HasFlag(Ways.Basic) && HasScheme(authorization.ToString(), "Basic"))
        {
            return
                Basic(authorization, out var user, out var secret)
                && Knows(exchange, exchange.Shown.DigestOf(secret), KeyType.Basic, out key, out application)
                && key!.Id == user
                ? EnterWithKey(exchange, key, application!)
                : _problems.Invalid;
        }

        if (_ways.HasFlag(Ways.ApiKey) && headers[_keyHeader] is { Count: > 0 } shown && shown[0] is { Length: > 0 })
        {
            return
                shown is [{ Length: <= LongestSecret } presented]
                && Knows(exchange, exchange.Shown.DigestOf(presented), KeyType.ApiKey, out key, out application)
                ? EnterWithKey(exchange, key!, application!)
                : _problems.Invalid;
        }

        // 3. A certificate alone, where the API says so.
        return !_credentialMandatory && exchange.Certificate is { } alone
            ? EnterWithKey(exchange, alone, exchange.Consumers.Application(alone.Application)!)
            : _problems.Missing;
    }

    private GatewayProblem? EnterWithToken(
        Exchange exchange,
        string text,
        bool recall,
        (TokenVerdict Verdict, AccessToken? Token) verdict
    )
    {
        if (recall)
        {
            var digest = exchange.Shown.DigestOf(text);
            // What is known by its hash needs nobody's word, and looks like any other token.
            if (
                (
                    KnownToken.Find(exchange.Consumers, digest, exchange.Now)
                    ?? _verifier.Recall(text, digest, exchange.Consumers.Issuers, _issuers, exchange.Now)
                )
                is not { } remembered
            )
            {
                return NotRemembered;
            }

            verdict = remembered;
        }

        if (verdict.Token is not { } token)
        {
            return verdict.Verdict switch
            {
                TokenVerdict.Expired => _problems.Expired,
                TokenVerdict.WrongAudience => _problems.WrongAudience,
                TokenVerdict.IssuerUnavailable => AuthenticationProblems.Unavailable,
                TokenVerdict.Overloaded => AuthenticationProblems.Overloaded,
                _ => _problems.Invalid,
            };
        }

        if (MayWith(exchange, token, out var key, out var application) is { } problem)
        {
            return problem;
        }

        if (key is not null && !IsOneCaller(exchange, key))
        {
            return _problems.Certificate;
        }

        exchange.Token = token;
        exchange.Key = key;
        exchange.Application = application;
        exchange.AdmittedUntil = key is not null && key.Expires < token.Until ? key.Expires : token.Until;
        TakeOff(exchange);
        return null;
    }

    private GatewayProblem? EnterWithKey(Exchange exchange, ConsumerKey key, Consumer application)
    {
        if (!IsOneCaller(exchange, key))
        {
            return _problems.Certificate;
        }

        exchange.Key = key;
        exchange.Application = application;
        exchange.AdmittedUntil = key.Expires;
        TakeOff(exchange);
        return MayWithoutToken();
    }

    /// <summary>The same decisions for a stream that is open: by what it came in with, for its headers are taken off.</summary>
    private GatewayProblem? Reaffirm(Exchange exchange)
    {
        if (
            _certificateMandatory
            && (
                exchange.Certificate is not { } shown
                || !Knows(exchange, shown.Hash, KeyType.Certificate, out var certificate, out _)
                || certificate!.Application != shown.Application
            )
        )
        {
            return _problems.Certificate;
        }

        if (exchange.Token is { } token)
        {
            var holds = token.IsKnown
                ? KnownToken.Find(exchange.Consumers, token.Digest, exchange.Now) is { Token: not null }
                : TokenVerifier.StillHolds(token, exchange.Consumers.Issuers, exchange.Now);
            if (!holds)
            {
                return _problems.Invalid;
            }

            var problem = MayWith(exchange, token, out var client, out var owner);
            exchange.Key = client;
            exchange.Application = owner;
            return problem;
        }

        if (
            exchange.Key is not { } before
            || !WayOf(before.Type)
            || !Knows(exchange, before.Hash, before.Type, out var key, out var application)
            || key!.Id != before.Id
        )
        {
            return _problems.Invalid;
        }

        exchange.Key = key;
        exchange.Application = application;
        return MayWithoutToken();
    }

    private GatewayProblem? MayWith(
        Exchange exchange,
        AccessToken token,
        out ConsumerKey? key,
        out Consumer? application
    )
    {
        (key, application) = (null, null);
        if (!_ways.HasFlag(Ways.OAuth2) || !_issuers.Takes(token.Issuer.Settings))
        {
            return _problems.Invalid;
        }

        if (exchange.Consumers.IsRevoked(token))
        {
            return _problems.Invalid;
        }

        if (!token.IsFor(_audiences))
        {
            return _problems.WrongAudience;
        }

        if ((_type == AuthType.Application && token.IsUsers) || (_type == AuthType.ApplicationUser && !token.IsUsers))
        {
            return _problems.WrongType;
        }

        if (token.Client is not { } client || !Knows(exchange, client, KeyType.OAuth2, out key, out application))
        {
            return AuthenticationProblems.UnknownClient;
        }

        return _scopes.Length > 0 && !token.HasAnyScope(_scopes) ? _problems.MissingScope : null;
    }

    // Keys and certificates are an application's own and have no scopes.
    private GatewayProblem? MayWithoutToken() => _type == AuthType.ApplicationUser ? _problems.WrongType : null;

    private bool WayOf(KeyType type) =>
        type switch
        {
            KeyType.ApiKey => _ways.HasFlag(Ways.ApiKey),
            KeyType.Basic => _ways.HasFlag(Ways.Basic),
            KeyType.Certificate => _ways.HasFlag(Ways.MutualTls),
            _ => false,
        };

    private static bool Knows(
        Exchange exchange,
        Digest digest,
        KeyType type,
        out ConsumerKey? key,
        out Consumer? application
    ) =>
        exchange.Consumers.TryAuthenticate(digest, exchange.Now, out key, out application)
        && key.Type == type
        && (key.Bounds is null || key.Bounds.Allow(exchange));

    // A certificate of one application beside a credential of another: one of the two is stolen.
    private static bool IsOneCaller(Exchange exchange, ConsumerKey key) =>
        exchange.Certificate is not { } certificate || certificate.Application == key.Application;

    // In place, so that no later step and no upstream can pass it on; all that the API takes, used or not.
    private void TakeOff(Exchange exchange)
    {
        var headers = exchange.Request.Headers;
        if ((_ways & (Ways.OAuth2 | Ways.Basic)) != 0 && !_passesAuthorization)
        {
            headers.Remove(_authorization);
        }

        if (_ways.HasFlag(Ways.ApiKey))
        {
            headers.Remove(_keyHeader);
        }
    }

    private static bool HasScheme(string authorization, string scheme) =>
        authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
        && (authorization.Length == scheme.Length || authorization[scheme.Length] is ' ' or ',');

    // Two credentials in one request are none: nobody can say which of them the caller meant.
    private static string? Bearer(Exchange exchange, Microsoft.Extensions.Primitives.StringValues authorization) =>
        authorization is [{ Length: <= UnverifiedToken.Longest } only]
        && HasScheme(only, "Bearer")
        && only.Length > 7
        && !only.AsSpan(7).ContainsAny(' ', ',')
            ? exchange.Shown.TokenOf(only, 7)
            : null;

    private static bool Basic(
        Microsoft.Extensions.Primitives.StringValues authorization,
        out string user,
        out string secret
    )
    {
        (user, secret) = ("", "");
        if (authorization is not [{ Length: > 6 and <= LongestSecret } only])
        {
            return false;
        }

        Span<byte> decoded = stackalloc byte[LongestSecret];
        if (!Convert.TryFromBase64String(only[6..], decoded, out var length))
        {
            return false;
        }

        var text = Encoding.UTF8.GetString(decoded[..length]);
        var colon = text.IndexOf(':');
        if (colon <= 0)
        {
            return false;
        }

        (user, secret) = (text[..colon], text[(colon + 1)..]);
        return true;
    }
}
