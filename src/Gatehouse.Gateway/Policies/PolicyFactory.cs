using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Policies;

/// <summary>Makes the policies of one API. What its operations share, such as the memory of a cache, is made once.</summary>
internal sealed class PolicyFactory(
    Api api,
    Outside outside,
    PolicyCounters counters,
    TimeProvider time,
    ILogger logger
)
{
    private CacheStore? _store;
    private ContractSchemas? _schemas;
    private TokenCache<string>? _assertions;

    /// <summary>The API's CORS; null when it has none.</summary>
    public CorsPolicy? Cors { get; } = NamedPolicies.Of(api, null).One<CorsSettings>() is { } cors ? new(cors) : null;

    /// <summary>Where the API is deployed.</summary>
    public required string Environment { get; init; }

    /// <summary>How the gateway proves itself to the backends; null when it does not.</summary>
    public CredentialPolicy? Credential { get; init; }

    /// <summary>The plug-ins that this node has.</summary>
    public PluginSet Plugins { get; init; } = PluginSet.None;

    /// <summary>Signs backend JWTs; null when this node has no key for them.</summary>
    public AssertionSigner? Signer { get; init; }

    /// <summary>Backend JWTs, whose memory all operations share. Throws <see cref="FormatException"/> when nobody can sign them.</summary>
    public BackendJwtPolicy BackendJwt(BackendJwtSettings settings) =>
        Signer is null
            ? throw new FormatException("This node has no key to sign backend JWTs with.")
            : new(settings, api, ThrottlePolicy.ContextOf(api), Signer, _assertions ??= new(capacity: 2_000));

    /// <summary>A cache on the memory that all operations of the API share.</summary>
    public CachePolicy Cache(CacheSettings settings) => new(settings, _store ??= new(settings.MaxTotalBytes), time);

    /// <summary>
    /// Validation of an operation; null when it is off. Throws <see cref="FormatException"/> when there is nothing to validate
    /// by: without this, what was to be checked would pass.
    /// </summary>
    public ValidatePolicy? Validate(ValidateSettings settings, Operation operation)
    {
        if (settings is { Request: "off", Answer: "off" })
        {
            return null;
        }

        if (operation.Contract is not { } contract || api.Contract is not { } shared)
        {
            throw new FormatException(
                "The operation is to be validated, and the API came without its document's schemas; import it again."
            );
        }

        return new(
            settings,
            operation,
            contract,
            _schemas ??= new(shared),
            new(Model.Api.EntityName(api.Name, api.Version), counters, time, logger)
        );
    }

    /// <summary>What acts in the order of the lists. Throws <see cref="FormatException"/> for settings that do not fit the operation.</summary>
    public IEnumerable<IPolicy> Create(object settings, Operation operation) =>
        settings switch
        {
            HeadersSettings headers => Headers(headers),
            RewriteSettings rewrite => [new RewritePolicy(rewrite, operation.Path)],
            ConvertSettings convert => Convert(convert),
            MirrorSettings mirror => [new MirrorPolicy(mirror, outside, counters)],
            CallOutSettings callOut => [new CallOutPolicy(callOut, outside)],
            PolicyUse plugin => Plugins.Create(plugin, api, operation, logger),
            _ => throw new ArgumentException($"{settings.GetType().Name} has no place in the order.", nameof(settings)),
        };

    private static IEnumerable<IPolicy> Headers(HeadersSettings settings)
    {
        if (!settings.Request.IsEmpty)
        {
            yield return new RequestHeadersPolicy(settings.Request);
        }

        if (!settings.Answer.IsEmpty)
        {
            yield return settings.OnFaults
                ? new AnswerAndFaultHeadersPolicy(settings.Answer)
                : new AnswerHeadersPolicy(settings.Answer);
        }
    }

    private static IEnumerable<IPolicy> Convert(ConvertSettings settings)
    {
        if (settings.Request is not null)
        {
            yield return new ConvertRequestPolicy(settings);
        }

        if (settings.Answer is not null)
        {
            yield return new ConvertAnswerPolicy(settings);
        }
    }
}
