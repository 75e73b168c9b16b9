using System.Text.Json.Serialization;

namespace Gatehouse.Model;

/// <summary>How entities are written as JSON. Members that hold their default are written too: a default that changes in a later build must not change old entities.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(Api))]
[JsonSerializable(typeof(Application))]
[JsonSerializable(typeof(Subscription))]
[JsonSerializable(typeof(ApiKey))]
[JsonSerializable(typeof(Revocation))]
[JsonSerializable(typeof(Issuer))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(DeniedCertificate))]
[JsonSerializable(typeof(PublicHosts))]
[JsonSerializable(typeof(GatewayEnvironment))]
[JsonSerializable(typeof(Plan))]
[JsonSerializable(typeof(ApplicationPolicy))]
[JsonSerializable(typeof(ApiPolicy))]
[JsonSerializable(typeof(CustomRule))]
[JsonSerializable(typeof(Block))]
public sealed partial class ModelJson : JsonSerializerContext;
