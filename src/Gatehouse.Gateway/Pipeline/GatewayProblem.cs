using System.Collections.Immutable;
using System.Globalization;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>What a caller is told when a request is not answered by its backend. The codes are WSO2's, which clients know.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">WSO2's code, or the status where it has none.</param>
/// <param name="Message">A few words, always the same for one code.</param>
/// <param name="Description">A sentence that helps the caller; never text from a backend.</param>
internal sealed record GatewayProblem(int Status, string Code, string Message, string Description)
{
    /// <summary>A challenge for <c>WWW-Authenticate</c>.</summary>
    public string? Challenge { get; init; }

    /// <summary>Methods for <c>Allow</c>.</summary>
    public string? Allow { get; init; }

    /// <summary>True when WSO2 tells it in its security namespace.</summary>
    public bool IsSecurity { get; init; }

    /// <summary>True when WSO2 tells it in its throttling namespace.</summary>
    public bool IsThrottling { get; init; }

    /// <summary>What exactly is wrong with the request, for the caller's program.</summary>
    public ImmutableArray<ProblemDetail> Details { get; init; } = [];

    /// <summary>Seconds for <c>Retry-After</c>; 0 for none.</summary>
    public long RetryAfter { get; init; }

    /// <summary>True when the connection cannot be used further, because the rest of the request is unread or unreadable.</summary>
    public bool Closes { get; init; }

    public static readonly GatewayProblem NotFound = new(
        404,
        "404",
        "Not Found",
        "No API answers here. Check host, context, version and resource."
    );

    public static readonly GatewayProblem OtherCase = new(
        501,
        "501",
        "Not Implemented",
        "The method is spelled like a known one in another case, which is another method (RFC 9110 §9.1): write it in capitals."
    );

    public static readonly GatewayProblem UnsupportedTransport = new(
        403,
        "403",
        "Unsupported Transport",
        "This API does not answer on this transport; use https."
    );

    public static readonly GatewayProblem Blocked = new(
        503,
        "700700",
        "API blocked",
        "This API has been blocked temporarily. Please try again later or contact the system administrators."
    );

    public static readonly GatewayProblem NotSubscribed = new(
        403,
        "900908",
        "Resource forbidden",
        "The application is not subscribed to this API."
    )
    {
        IsSecurity = true,
    };

    public static readonly GatewayProblem SubscriptionBlocked = new(
        401,
        "900907",
        "The requested API is temporarily blocked",
        "The application's subscription to this API is blocked"
    )
    {
        IsSecurity = true,
    };

    public static readonly GatewayProblem SubscriptionInactive = new(
        401,
        "900909",
        "The subscription to the API is inactive",
        "The application's subscription to this API waits for approval"
    )
    {
        IsSecurity = true,
    };

    public static readonly GatewayProblem NoSandbox = new(
        403,
        "900901",
        "Invalid Credentials",
        "Sandbox key offered to the API with no sandbox endpoint"
    )
    {
        IsSecurity = true,
    };

    public static readonly GatewayProblem BodyTooLarge = new(
        413,
        "413",
        "Content Too Large",
        "The request body is larger than this API takes."
    )
    {
        Closes = true,
    };

    public static readonly GatewayProblem Overloaded = new(
        503,
        "101500",
        "Overloaded",
        "This node serves as many requests as it may; try again in a second."
    )
    {
        RetryAfter = 1,
    };

    public static readonly GatewayProblem BrokenBody = new(
        400,
        "102511",
        "Incomplete payload",
        "The request body ended early or could not be read."
    )
    {
        Closes = true,
    };

    public static readonly GatewayProblem CallerSilent = new(
        408,
        "408",
        "Request Timeout",
        "The request body stopped arriving, or came too slowly."
    )
    {
        Closes = true,
    };

    // WSO2 answers every backend failure with 500. Here the status tells a caller and a balancer what kind it was: 502 for a
    // backend that cannot be reached or understood, 503 for none to ask, 504 for one that is too slow.
    public static readonly GatewayProblem ConnectFailed = Backend(502, "101503", "Error connecting to the back end");
    public static readonly GatewayProblem TimedOut = Backend(504, "101504", "The back end did not answer in time");
    public static readonly GatewayProblem ConnectionClosed = Backend(
        502,
        "101505",
        "The back end closed the connection before it answered"
    );
    public static readonly GatewayProblem ProtocolViolation = Backend(
        502,
        "101506",
        "The back end's answer is not HTTP"
    );
    public static readonly GatewayProblem ConnectTimedOut = Backend(
        504,
        "101508",
        "Connecting to the back end took too long"
    );
    public static readonly GatewayProblem NoEndpoint = Backend(503, "303001", "No endpoint is registered for this");
    public static readonly GatewayProblem Internal = Backend(500, "101500", "The gateway failed; its log says why");

    public static GatewayProblem BadTarget(string why) => new(400, "400", "Bad Request", why);

    public static GatewayProblem BehindEpoch(long epoch, long asked) =>
        new(
            412,
            "412",
            "Precondition Failed",
            string.Create(CultureInfo.InvariantCulture, $"This node has applied epoch {epoch}, not {asked} yet.")
        );

    public static GatewayProblem MethodNotAllowed(IEnumerable<string> allowed) =>
        new(405, "405", "Method Not Allowed", "Method not allowed for given API resource")
        {
            Allow = string.Join(", ", allowed),
        };

    private static GatewayProblem Backend(int status, string code, string description) =>
        new(status, code, "Runtime Error", description);
}

/// <summary>One thing that is wrong with a request.</summary>
/// <param name="In"><c>body</c>, <c>path</c>, <c>query</c>, <c>header</c> or <c>cookie</c>.</param>
/// <param name="Place">JSON pointer into the body, or the parameter's name.</param>
/// <param name="Message">What is asked there.</param>
internal sealed record ProblemDetail(string In, string Place, string Message)
{
    public override string ToString() => Place.Length == 0 ? $"{In} {Message}" : $"{In} {Place} {Message}";
}
