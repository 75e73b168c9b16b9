using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>What an API tells callers that it does not let in: WSO2's codes, challenges as RFC 6750 §3 and RFC 7617 write them.</summary>
internal sealed class AuthenticationProblems
{
    private const string InvalidToken = "error=\"invalid_token\", error_description=\"The provided token is invalid\"";

    public AuthenticationProblems(Api api, Operation operation, Ways ways)
    {
        var realm = $"realm=\"{Api.EntityName(api.Name, api.Version).Replace("\"", "", StringComparison.Ordinal)}\"";
        var header = api.AuthorizationHeader;
        var scheme =
            ways.HasFlag(Ways.OAuth2) ? "Bearer"
            : ways.HasFlag(Ways.Basic) ? "Basic"
            : "APIKey";
        List<string> challenges = [];
        List<string> hints = [];
        if (ways.HasFlag(Ways.OAuth2))
        {
            challenges.Add($"Bearer {realm}");
            hints.Add($"'{header} : Bearer ACCESS_TOKEN'");
        }

        if (ways.HasFlag(Ways.Basic))
        {
            challenges.Add($"Basic {realm}, charset=\"UTF-8\"");
            hints.Add($"'{header} : Basic ACCESS_TOKEN'");
        }

        if (ways.HasFlag(Ways.ApiKey))
        {
            challenges.Add($"APIKey {realm}");
            hints.Add($"'{api.ApiKeyHeader} : API Key'");
        }

        var asked = hints.Count > 0 ? $"a header: {string.Join(" or ", hints)}" : "a client certificate";
        Missing = new(
            401,
            "900902",
            "Missing Credentials",
            $"Invalid Credentials. Make sure your API invocation call has {asked}"
        )
        {
            IsSecurity = true,
            Challenge = challenges.Count > 0 ? string.Join(", ", challenges) : null,
        };
        Invalid = Refusal(
            "900901",
            "Invalid Credentials",
            "Invalid Credentials. Make sure you have provided the correct security credentials"
        );
        Expired = Refusal("900901", "Invalid Credentials", "Access token expired or not active. Get a new one");
        WrongType = Refusal(
            "900905",
            "Incorrect Access Token Type is provided",
            "This operation does not take this type of access token"
        );
        WrongAudience = new(
            403,
            "900914",
            "The access token does not allow you to access the requested resource",
            "The token was made for another audience"
        )
        {
            IsSecurity = true,
            Challenge = $"{scheme} {realm}, {InvalidToken}",
        };
        Certificate = new(
            401,
            "900901",
            "Invalid Credentials",
            "The client certificate is missing, or not one of an application that may call this"
        )
        {
            IsSecurity = true,
        };
        MissingScope = new(
            403,
            "900910",
            "The access token does not allow you to access the requested resource",
            $"The token holds none of the scopes of this operation: {string.Join(", ", operation.Scopes)}"
        )
        {
            IsSecurity = true,
            Challenge = $"Bearer {realm}, error=\"insufficient_scope\", scope=\"{string.Join(' ', operation.Scopes)}\"",
        };

        GatewayProblem Refusal(string code, string message, string description) =>
            new(401, code, message, description) { IsSecurity = true, Challenge = $"{scheme} {realm}, {InvalidToken}" };
    }

    public GatewayProblem Missing { get; }
    public GatewayProblem Invalid { get; }
    public GatewayProblem Expired { get; }
    public GatewayProblem WrongType { get; }
    public GatewayProblem WrongAudience { get; }
    public GatewayProblem Certificate { get; }
    public GatewayProblem MissingScope { get; }

    /// <summary>The issuer's keys were never reached: nobody is let in on trust.</summary>
    public static readonly GatewayProblem Unavailable = new(
        500,
        "900900",
        "Unclassified Authentication Failure",
        "The credentials cannot be checked now. Try again later"
    )
    {
        IsSecurity = true,
    };

    /// <summary>Too many tokens wait to be checked.</summary>
    public static readonly GatewayProblem Overloaded = Unavailable with { Status = 503 };

    /// <summary>A token whose client no application has.</summary>
    public static readonly GatewayProblem UnknownClient = new(
        403,
        "900908",
        "Resource forbidden",
        "User is NOT authorized to access the Resource. API Subscription validation failed."
    )
    {
        IsSecurity = true,
    };
}

/// <summary>The ways into an API.</summary>
[Flags]
internal enum Ways
{
    None = 0,
    ApiKey = 1,
    OAuth2 = 2,
    Basic = 4,
    MutualTls = 8,

    /// <summary>Those with which a caller sends something to be known by.</summary>
    Credentials = ApiKey | OAuth2 | Basic,
}
