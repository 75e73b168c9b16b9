using System.Collections.Immutable;

namespace Gatehouse.Model;

/// <summary>One deployed revision of one API version, all a worker needs to serve it. The OpenAPI document stays in the catalogue.</summary>
public sealed record Api
{
    /// <summary>The API's name, such as <c>petstore</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The API's version, such as <c>1.0.0</c>.</summary>
    public required string Version { get; init; }

    /// <summary>The path in front of the version, such as <c>/petstore</c>: calls go to <c>context/version/resource</c>.</summary>
    public required string Context { get; init; }

    /// <summary>The revision this is, 1 and up.</summary>
    public required int Revision { get; init; }

    /// <summary>Also answers <c>context/resource</c>, without the version.</summary>
    public bool IsDefaultVersion { get; init; }

    /// <summary>Host names this API answers on; empty for any.</summary>
    public ImmutableArray<string> Hosts { get; init; } = [];

    /// <summary><c>http</c>, <c>https</c>: how callers may come in.</summary>
    public ImmutableArray<string> Transports { get; init; } = ["http", "https"];

    /// <summary>Where the API stands in its life, as far as the gateway behaves differently.</summary>
    public ApiStatus Status { get; init; } = ApiStatus.Published;

    /// <summary>Ways in that callers may use: <see cref="SecurityScheme"/>; empty when the API is open.</summary>
    public ImmutableArray<string> Security { get; init; } = [];

    /// <summary>True when a client certificate is asked for beside the credential, not in its place (WSO2 <c>mutualssl_mandatory</c>).</summary>
    public bool CertificateMandatory { get; init; }

    /// <summary>True when a certificate alone opens the API (WSO2 <c>oauth_basic_auth_api_key_optional</c>).</summary>
    public bool CredentialOptional { get; init; }

    /// <summary>Names of the issuers whose tokens count; empty for all.</summary>
    public ImmutableArray<string> Issuers
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Values of which a token's <c>aud</c> must hold one; empty when this API does not ask.</summary>
    public ImmutableArray<string> Audiences
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>The header that carries tokens and Basic credentials.</summary>
    public string AuthorizationHeader
    {
        get => field ?? "Authorization";
        init;
    }

    /// <summary>True to let <see cref="AuthorizationHeader"/> go to the backend after it was used here.</summary>
    public bool PassAuthorization { get; init; }

    /// <summary>The header that carries the API key.</summary>
    public string ApiKeyHeader { get; init; } = "apikey";

    /// <summary>What the API offers; a request that matches none answers 404 or 405.</summary>
    public required ImmutableArray<Operation> Operations { get; init; }

    /// <summary>Where production calls go.</summary>
    public required EndpointSet Production { get; init; }

    /// <summary>Where calls with a sandbox key go; null when there is no sandbox.</summary>
    public EndpointSet? Sandbox { get; init; }

    /// <summary>Lets <c>%2F</c> and <c>%5C</c> pass in paths as opaque data instead of refusing them.</summary>
    public bool AllowEncodedSlash { get; init; }

    /// <summary>Lets <c>;</c> and <c>%3B</c> pass in paths as opaque data instead of refusing them.</summary>
    public bool AllowSemicolon { get; init; }

    /// <summary><c>wso2</c> (code, message, description) or <c>problem</c> (RFC 9457).</summary>
    public string ErrorFormat { get; init; } = "wso2";

    /// <summary>The largest request body passed on, in bytes; null for no bound of the API's own.</summary>
    public long? MaxRequestBody { get; init; }

    /// <summary>The <see cref="ApiPolicy"/> of the API as a whole, in place of its operations' ones; null for none.</summary>
    public string? Policy { get; init; }

    /// <summary>Most requests a second that reach the production backends; null for no bound.</summary>
    public int? MaxTps { get; init; }

    /// <summary>Most requests a second that reach the sandbox backends; null for no bound.</summary>
    public int? SandboxMaxTps { get; init; }

    /// <summary>Policies of every operation, in order.</summary>
    public ImmutableArray<PolicyUse> Policies
    {
        get;
        init => field = value.IsDefault ? [] : value;
    } = [];

    /// <summary>Another revision that some callers get; null when all get this one.</summary>
    public ApiCanary? Canary { get; init; }

    /// <summary>The schemas that its operations' contracts share; null when none is validated.</summary>
    public ApiContract? Contract { get; init; }

    /// <summary>The entity name of an API: <c>name:version</c>.</summary>
    public static string EntityName(string name, string version) => $"{name}:{version}";
}

/// <summary>Another revision beside the one that runs. In one entity with it: both arrive, change and go together.</summary>
public sealed record ApiCanary
{
    /// <summary>How many of a hundred callers get it: 1 to 99.</summary>
    public required int Percent { get; init; }

    /// <summary>The revision. Address and state are those of the one it stands beside.</summary>
    public required Api Api { get; init; }
}

/// <summary>The states of an API that the gateway tells apart. Append only.</summary>
public enum ApiStatus
{
    /// <summary>Serves its subscribers.</summary>
    Published,

    /// <summary>Serves everybody, without credentials or subscription.</summary>
    Prototyped,

    /// <summary>Answers 503 with code 700700.</summary>
    Blocked,

    /// <summary>Serves the subscribers it has.</summary>
    Deprecated,
}

/// <summary>One method on one path template of an API.</summary>
public sealed record Operation
{
    /// <summary>Upper-case HTTP method.</summary>
    public required string Method { get; init; }

    /// <summary>Path template below the context and version, such as <c>/pets/{id}</c> or <c>/files/*</c>.</summary>
    public required string Path { get; init; }

    /// <summary>True when the operation is called without credentials, whatever the API's <see cref="Api.Security"/> says.</summary>
    public bool Open { get; init; }

    /// <summary>Which tokens may call it.</summary>
    public AuthType AuthType { get; init; }

    /// <summary>Scopes of which a token must hold one; empty for none asked. Keys and certificates have no scopes and are not asked (WSO2's rule).</summary>
    public ImmutableArray<string> Scopes
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>The <see cref="ApiPolicy"/> of this operation; null for none.</summary>
    public string? Policy { get; init; }

    /// <summary>What the OpenAPI document says of its requests and answers; null when it is not validated.</summary>
    public OperationContract? Contract { get; init; }

    /// <summary>Policies of this operation alone, in order, after the API's.</summary>
    public ImmutableArray<PolicyUse> Policies
    {
        get;
        init => field = value.IsDefault ? [] : value;
    } = [];
}

/// <summary>Which tokens may call an operation (WSO2 <c>x-auth-type</c>; its <c>None</c> is <see cref="Operation.Open"/>). Append only.</summary>
public enum AuthType
{
    /// <summary>Any.</summary>
    Any,

    /// <summary>Those that an application got for itself.</summary>
    Application,

    /// <summary>Those that an application got for a user.</summary>
    ApplicationUser,
}

/// <summary>The ways into an API, as they are spelled in <see cref="Api.Security"/>.</summary>
public static class SecurityScheme
{
    /// <summary>An API key in a header (WSO2 <c>api_key</c>).</summary>
    public const string ApiKey = "apikey";

    /// <summary>An access token (WSO2 <c>oauth2</c>).</summary>
    public const string OAuth2 = "oauth2";

    /// <summary>User and password of an application's Basic key (WSO2 <c>basic_auth</c>).</summary>
    public const string Basic = "basic";

    /// <summary>A client certificate bound to an application (WSO2 <c>mutualssl</c>).</summary>
    public const string MutualTls = "mutualtls";

    /// <summary>All of them.</summary>
    public static ImmutableArray<string> All { get; } = [ApiKey, OAuth2, Basic, MutualTls];
}

/// <summary>The backends of one API for one key type.</summary>
public sealed record EndpointSet
{
    /// <summary>At least one.</summary>
    public required ImmutableArray<Endpoint> Endpoints { get; init; }

    /// <summary>
    /// <c>round-robin</c>, <c>least-requests</c>, <c>power-of-two</c>, <c>hash-ip</c> (one caller address, one endpoint) or
    /// <c>hash-header</c>. All heed the weights.
    /// </summary>
    public string Algorithm { get; init; } = "round-robin";

    /// <summary>The header that <c>hash-header</c> goes by; a request without it takes its turn.</summary>
    public string? HashHeader { get; init; }

    /// <summary>Keeps a caller on its endpoint by a cookie, as long as that one looks well.</summary>
    public bool Sticky { get; init; }

    /// <summary>Sends a request that may be repeated (RFC 9110 §9.2.2), and whose target failed, once more, to another.</summary>
    public bool Replay { get; init; }

    /// <summary>Second attempts there may be for a hundred requests, so that retries never double the load of what is down; null for 20.</summary>
    public int? RetryPercent { get; init; }

    /// <summary>Most requests at a time that a node sends to one endpoint; null for no bound.</summary>
    public int? MaxRequests { get; init; }

    /// <summary>When an endpoint is left alone; null for never: it is then tried last.</summary>
    public CircuitBreaker? Breaker { get; init; }

    /// <summary>How endpoints are asked whether they are well; null for not at all.</summary>
    public HealthCheck? Health { get; init; }

    /// <summary>How the gateway proves itself to them; null when it does not.</summary>
    public EndpointCredential? Credential { get; init; }

    /// <summary>What their TLS certificates have to chain to (<see cref="BackendAuthorities"/>); null for what the gateway's machine trusts.</summary>
    public string? Authorities { get; init; }

    /// <summary>Longest wait for a connection.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest silence of the backend: before its response head and between any two pieces of a body.</summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>One backend address.</summary>
public sealed record Endpoint
{
    /// <summary>Absolute <c>http</c> or <c>https</c> URL; its path goes in front of the resource.</summary>
    public required string Url { get; init; }

    /// <summary>Its share against the others; 0 for one that gets nothing new, null for 1.</summary>
    public int? Weight { get; init; }

    /// <summary>Failover order: an endpoint is used when none of a lower group looks well.</summary>
    public int Group { get; init; }

    /// <summary>Its own in place of the set's.</summary>
    public TimeSpan? ResponseTimeout { get; init; }
}

/// <summary>Leaves an endpoint alone that keeps failing: no connection, silence, no HTTP. What it answers with does not count.</summary>
public sealed record CircuitBreaker
{
    /// <summary>Failures in a row; at least 2, so that one failed call never suspends an endpoint.</summary>
    public int Failures { get; init; } = 5;

    /// <summary>How long; then one request tries.</summary>
    public TimeSpan OpenFor { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>Asks an endpoint again and again. One that is not well is tried last.</summary>
public sealed record HealthCheck
{
    /// <summary>What is fetched, from the endpoint's host; any answer below 400 is well.</summary>
    public string Path { get; init; } = "/";

    /// <summary>Time between two questions.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest wait for an answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Bad answers in a row after which it is not well.</summary>
    public int Failures { get; init; } = 3;

    /// <summary>Good answers in a row after which it is well again.</summary>
    public int Successes { get; init; } = 2;
}
