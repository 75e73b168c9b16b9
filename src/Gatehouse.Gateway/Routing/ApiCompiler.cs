using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Policies;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Routing;

/// <summary>Turns an API entity into what serves it, or says what is wrong with it.</summary>
#pragma warning disable CA1001 // Lives as long as the process, like the client it holds.
internal sealed class ApiCompiler(
    GatewayOptions options,
    UpstreamSet upstreams,
    TokenVerifier verifier,
    TimeProvider time,
    ILogger<ApiCompiler> logger
)
#pragma warning restore CA1001
{
    private readonly Outside _outside = new();
    private readonly AssertionSigner? _signer = options.AssertionKey is { } key ? new(key) : null;
    private readonly Dictionary<Digest, WeakReference<BackendTokenSource>> _tokens = [];
    private readonly EndpointCompiler _endpoints = new(upstreams, time);

    /// <summary>How many APIs were compiled; a change among thousands adds one.</summary>
    public long Compilations { get; private set; }

    /// <param name="change">A put of an API.</param>
    /// <param name="before">The API's running self: its counters go on, and so do backends it keeps.</param>
    /// <param name="compiled">The result.</param>
    /// <param name="refusal">Why there is none.</param>
    public bool TryCompile(
        EntityChange change,
        CompiledApi? before,
        [NotNullWhen(true)] out CompiledApi? compiled,
        [NotNullWhen(false)] out Refusal? refusal
    )
    {
        Compilations++;
        compiled = null;
        try
        {
            var api =
                JsonSerializer.Deserialize(change.Payload.Span, ModelJson.Default.Api)
                ?? throw new Refused("", "The payload is empty.");
            compiled = Compile(api, change, before);
            refusal = null;
            return true;
        }
        catch (Refused refused)
        {
            refusal = new(change.Kind, change.Name, change.Epoch, refused.Field, refused.Message);
        }
        catch (JsonException bad)
        {
            refusal = new(change.Kind, change.Name, change.Epoch, bad.Path ?? "", $"Not an API: {bad.Message}");
        }

        return false;
    }

    private CompiledApi Compile(Api api, EntityChange change, CompiledApi? before)
    {
        var main = Compile(api, change, "", before);
        if (api.Canary is not { } canary)
        {
            return main;
        }

        if (canary.Percent is < 1 or > 99)
        {
            throw new Refused("/canary/percent", "1 to 99 of a hundred callers get the other revision.");
        }

        if ((canary.Api.Name, canary.Api.Version, canary.Api.Context) != (api.Name, api.Version, api.Context))
        {
            throw new Refused("/canary/api/context", "The other revision answers at another address.");
        }

        // What says where and whether the API answers is one for both.
        var other = canary.Api with
        {
            IsDefaultVersion = api.IsDefaultVersion,
            Hosts = api.Hosts,
            Status = api.Status,
            Canary = null,
        };
        return main.With(
            new(
                Compile(other, change, " (canary)", before?.Canary?.Api),
                canary.Percent,
                [other.AuthorizationHeader, other.ApiKeyHeader]
            )
        );
    }

    private CompiledApi Compile(Api api, EntityChange change, string suffix, CompiledApi? before)
    {
        var deployment = DeploymentName.Parse(change.Name);
        if (deployment.Api != Api.EntityName(api.Name, api.Version))
        {
            throw new Refused("/name", $"The entity is named '{change.Name}', the API in it {api.Name}:{api.Version}.");
        }

        CheckSecurity(api);
        CheckPolicies(api);
        var toProduction = CredentialOf(api.Name, "production", api.Production);
        var toSandbox = api.Sandbox is null ? null : CredentialOf(api.Name, "sandbox", api.Sandbox);
        var factory = new PolicyFactory(api, _outside, options.PolicyCounters, time, logger)
        {
            Environment = deployment.Environment,
            Credential = CredentialPolicy.Of(toProduction, toSandbox),
            Signer = _signer,
            Plugins = options.Plugins,
        };
        var cookie = EndpointCompiler.CookieOf(api);
        var production = _endpoints.Compile(
            api.Production,
            "/production",
            cookie,
            BackendHandshake.Of(toProduction?.Certificate, api.Production, "/production")
        );
        var sandbox = api.Sandbox is null
            ? null
            : _endpoints.Compile(
                api.Sandbox,
                "/sandbox",
                cookie,
                BackendHandshake.Of(toSandbox?.Certificate, api.Sandbox, "/sandbox")
            );
        var forwarding = ForwardingRules.ToBackend with { Sticky = cookie, Replays = api.Production.Replay };
        var paths = new PathRules(api.AllowEncodedSlash, api.AllowSemicolon);
        var meter = before?.Meter ?? new();
        var format = api.ErrorFormat switch
        {
            "wso2" => ErrorFormat.Wso2,
            "problem" => ErrorFormat.Problem,
            var other => throw new Refused(
                "/errorFormat",
                $"'{other}' is not a format of errors; use wso2 or problem."
            ),
        };

        var operations = new OperationTree();
        for (var i = 0; i < api.Operations.Length; i++)
        {
            var operation = api.Operations[i];
            if (!PathTemplate.TryParse(operation.Path, out var template, out var problem))
            {
                throw new Refused($"/operations/{i}/path", $"Not a path template: {problem}.");
            }

            if (!operations.Add(template, MethodOf(operation, i), Route(ChainOf(operation, i), operation)))
            {
                throw new Refused($"/operations/{i}", $"{operation.Method} {operation.Path} is there twice.");
            }
        }

        return new()
        {
            Name = change.Name + suffix,
            Digest = change.Digest,
            Claims = ClaimsOf(api),
            IsMutualTls = api.Security.Contains(SecurityScheme.MutualTls),
            Operations = operations,
            Paths = paths,
            Meter = meter,
            Fallback = Route(factory.Cors is { } cors ? [cors] : []),
            Preflight = factory.Cors is { } open ? Route([open, new PreflightPolicy(open)]) : null,
            Expires = change.ExpiresAt ?? DateTimeOffset.MaxValue,
        };

        IPolicy[] ChainOf(Operation operation, int index)
        {
            try
            {
                return PolicyChain.For(api, operation, verifier, factory, change.Epoch, time);
            }
            catch (FormatException bad)
            {
                throw new Refused($"/operations/{index}/policies", bad.Message);
            }
        }

        CompiledRoute Route(IPolicy[] policies, Operation? operation = null) =>
            new()
            {
                // Blocks, usage and logs are of the API, wherever it is deployed.
                Name = deployment.Api + suffix,
                Revision = api.Revision,
                Operation = operation is null ? null : $"{operation.Method} {operation.Path}",
                Paths = paths,
                Policies = policies,
                Production = production,
                Sandbox = sandbox,
                Forwarding = forwarding,
                Meter = meter,
                RateLimitHeaders = options.RateLimitHeaders,
                ErrorFormat = format,
                AccessLog = options.AccessLog,
                ErrorLog = options.ErrorLog,
            };
    }

    private BackendCredential? CredentialOf(string api, string set, EndpointSet endpoints) =>
        BackendCredential.Open(api, set, endpoints.Credential, options.Secrets, TokensOf);

    // The same client of the same address has one source, through deployments and for all APIs: its token stays.
    private BackendTokenSource TokensOf(EndpointCredential credential, string secret)
    {
        var scopes = string.Join(' ', credential.Scopes);
        var key = Digest.Of(
            Encoding.UTF8.GetBytes(string.Join('\n', credential.TokenUrl, credential.User, scopes, secret))
        );
        if (_tokens.TryGetValue(key, out var held) && held.TryGetTarget(out var source))
        {
            return source;
        }

        source = new(new(credential.TokenUrl!), credential.User!, secret, credential.Scopes, _outside, time, logger);
        foreach (var gone in _tokens.Where(t => !t.Value.TryGetTarget(out _)).Select(t => t.Key).ToList())
        {
            _tokens.Remove(gone);
        }

        _tokens[key] = new(source);
        return source;
    }

    private static void CheckPolicies(Api api)
    {
        var problems = PolicyKinds
            .Check(api.Policies, "/policies", ofOperation: false)
            .Concat(
                api.Operations.SelectMany(
                    (o, i) => PolicyKinds.Check(o.Policies, $"/operations/{i}/policies", ofOperation: true)
                )
            );
        if (problems.FirstOrDefault() is { } first)
        {
            throw new Refused(first.Pointer, first.Message + ".");
        }
    }

    private static string MethodOf(Operation operation, int index) =>
        operation.Method.Length > 0 && operation.Method.All(char.IsAsciiLetterUpper) && operation.Method != "CONNECT"
            ? operation.Method
            : throw new Refused(
                $"/operations/{index}/method",
                $"'{operation.Method}' is not an upper-case HTTP method."
            );

    // A way in that this build does not know must close the API, not open it.
    private static void CheckSecurity(Api api)
    {
        for (var i = 0; i < api.Security.Length; i++)
        {
            if (!SecurityScheme.All.Contains(api.Security[i]))
            {
                throw new Refused(
                    $"/security/{i}",
                    $"This node does not know '{api.Security[i]}'; it knows {string.Join(", ", SecurityScheme.All)}."
                );
            }
        }

        for (var i = 0; i < api.Transports.Length; i++)
        {
            if (api.Transports[i] is not ("http" or "https"))
            {
                throw new Refused($"/transports/{i}", $"'{api.Transports[i]}' is no transport; use http or https.");
            }
        }

        if (api.Transports.IsEmpty)
        {
            throw new Refused("/transports", "Without a transport nobody can call the API; use http, https or both.");
        }

        CheckHeader(api.ApiKeyHeader, "/apiKeyHeader");
        CheckHeader(api.AuthorizationHeader, "/authorizationHeader");

        if (api.MaxRequestBody < 0)
        {
            throw new Refused("/maxRequestBody", "The largest body cannot be less than 0 bytes.");
        }

        if (api.MaxTps is < 1 || api.SandboxMaxTps is < 1)
        {
            throw new Refused(
                api.MaxTps is < 1 ? "/maxTps" : "/sandboxMaxTps",
                "A backend's maximum is at least 1 request a second; leave it out for none."
            );
        }
    }

    private static void CheckHeader(string name, string field)
    {
        if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            throw new Refused(field, $"'{name}' is not the name of a header.");
        }
    }

    private static ImmutableArray<Claim> ClaimsOf(Api api)
    {
        const string placeholder = "{version}";
        var context = api.Context.TrimEnd('/');
        if (context.Length > 0 && context[0] != '/')
        {
            throw new Refused("/context", $"'{api.Context}' does not begin with '/'.");
        }

        if (api.Version.Length == 0 || api.Version.Contains('/', StringComparison.Ordinal))
        {
            throw new Refused("/version", $"'{api.Version}' cannot stand in a path.");
        }

        var versioned = context.Contains(placeholder, StringComparison.Ordinal)
            ? context.Replace(placeholder, api.Version, StringComparison.Ordinal)
            : $"{context}/{api.Version}";
        var bare = context
            .Replace($"/{placeholder}", "", StringComparison.Ordinal)
            .Replace(placeholder, "", StringComparison.Ordinal);
        if (RequestPath.Judge(versioned) is not { Refusal: PathRefusal.None, Traits: PathTraits.None })
        {
            throw new Refused("/context", $"'{versioned}' is a path that no request may have.");
        }

        string[] prefixes = api.IsDefaultVersion ? [versioned, bare] : [versioned];
        string[] hosts = api.Hosts.IsEmpty ? [""] : [.. api.Hosts.Select(h => h.ToLowerInvariant()).Distinct()];
        return
        [
            .. from host in hosts
            from prefix in prefixes
            select new Claim(host, prefix.Length == 0 ? [] : [.. prefix[1..].Split('/')]),
        ];
    }
}
