using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Policies;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>The order in which an operation's policies run, and why each stands where it does. Only what an operation needs is in its chain.</summary>
internal static class PolicyChain
{
    /// <param name="api">The API.</param>
    /// <param name="operation">Its operation.</param>
    /// <param name="verifier">Checks tokens.</param>
    /// <param name="factory">Makes what the API and its operation name.</param>
    /// <param name="epoch">The change that brought the API.</param>
    /// <param name="time">The clock of limits.</param>
    public static IPolicy[] For(
        Api api,
        Operation operation,
        TokenVerifier verifier,
        PolicyFactory factory,
        long epoch,
        TimeProvider time
    )
    {
        var chain = new List<IPolicy>();
        var named = NamedPolicies.Of(api, operation);

        // First, so that a page can read every answer, refusals too.
        if (factory.Cors is { } cors)
        {
            chain.Add(cors);
        }

        // Around everything that still changes the answer: what is compressed cannot be changed.
        if (named.One<CompressSettings>() is { } compress)
        {
            chain.Add(new CompressPolicy(compress));
        }

        // Before anything is revealed or asked for: credentials must not be encouraged over a transport the API does not allow.
        if (TransportPolicy.For(api.Transports) is { } transport)
        {
            chain.Add(transport);
        }

        // Before credentials are checked: from a wrong place even the right ones are worth nothing.
        if (named.One<IpFilterSettings>() is { } addresses)
        {
            chain.Add(new IpFilterPolicy(addresses));
        }

        // Before credentials are checked: a blocked API costs nobody anything.
        if (api.Status == ApiStatus.Blocked)
        {
            chain.Add(new BlockedPolicy());
        }

        // Who calls. Everything below is about the caller. A prototype asks nobody (WSO2: no handlers on it).
        var isOpen = operation.Open || api.Security.IsEmpty || api.Status == ApiStatus.Prototyped;
        if (!isOpen)
        {
            var authentication = new AuthenticationPolicy(api, operation, verifier, factory.Environment);
            chain.Add(api.Security.Contains(SecurityScheme.OAuth2) ? new TokenPolicy(authentication) : authentication);

            // What the caller may call.
            chain.Add(new SubscriptionPolicy(Api.EntityName(api.Name, api.Version)));

            // Which backends the caller's key opens.
            if (api.Sandbox is null)
            {
                chain.Add(new SandboxPolicy());
            }
        }

        // A caller that may not call learns nothing about limits and costs nobody's quota; what follows reads more of the
        // request than its head, which only those within their limits may make us do.
        chain.Add(BlockPolicy.Instance);
        chain.Add(new ThrottlePolicy(api, operation, isOpen, epoch, time));

        // Sizes before contents, contents before anything that parses them.
        var size = named.One<SizeLimitSettings>();
        if (Least(api.MaxRequestBody, size?.Request) is { } most)
        {
            chain.Add(new BodySizePolicy(most));
        }

        if (named.One<JsonLimitsSettings>() is { } json)
        {
            chain.Add(new JsonLimitsPolicy(json));
        }

        if (named.One<XmlLimitsSettings>() is { } xml)
        {
            chain.Add(new XmlLimitsPolicy(xml));
        }

        if (named.One<RegexLimitsSettings>() is { } patterns)
        {
            chain.Add(new RegexLimitsPolicy(patterns));
        }

        // What the publisher described, before anything is changed: the document is about what callers send. It parses whole
        // bodies, so it comes after the bounds on them. On the way back it is the last but for compression and CORS.
        if (named.One<ValidateSettings>() is { } validate && factory.Validate(validate, operation) is { } contract)
        {
            chain.Add(contract);
        }

        // What changes the request and the answer, in the order of whoever wrote the list.
        foreach (var use in named.InOrder)
        {
            chain.AddRange(factory.Create(use, operation));
        }

        // Nearest to the backend: what is kept is what the backend said to the request that goes out. A mock is in its place.
        if (named.One<MockSettings>() is { } mock)
        {
            // Without this, a mock that was to keep calls away would let them through.
            if (mock.Answers.IsEmpty)
            {
                throw new FormatException("The mock has no answers: neither settings nor document give an example.");
            }

            chain.Add(new MockPolicy(mock));
        }
        else if (named.One<CacheSettings>() is { } cache)
        {
            chain.Add(factory.Cache(cache));
        }

        // What is not sent needs no assertion.
        if (named.One<MockSettings>() is null && named.One<BackendJwtSettings>() is { } assertion)
        {
            chain.Add(factory.BackendJwt(assertion));
        }

        // Last: what is not sent needs no credential, and nobody before may see it.
        if (named.One<MockSettings>() is null && factory.Credential is { } credential)
        {
            chain.Add(credential);
        }

        // Before an answer is held, kept or turned.
        if (size?.Answer is { } mostAnswer)
        {
            chain.Add(new AnswerSizePolicy(mostAnswer));
        }

        return [.. chain];
    }

    private static long? Least(long? one, long? other) => one < other || other is null ? one : other;
}
