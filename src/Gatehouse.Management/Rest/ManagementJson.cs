using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>How the REST API's documents are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(ProblemDocument))]
[JsonSerializable(typeof(IReadOnlyList<AuditEdit>))]
[JsonSerializable(typeof(IssuedToken))]
public sealed partial class ManagementJson : JsonSerializerContext;
