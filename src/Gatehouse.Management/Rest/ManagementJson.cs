using System.Collections.Immutable;
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
[JsonSerializable(typeof(StatusView))]
[JsonSerializable(typeof(NodeView))]
[JsonSerializable(typeof(ImmutableArray<NodeView>))]
[JsonSerializable(typeof(MembersView))]
[JsonSerializable(typeof(CreateJoinToken))]
[JsonSerializable(typeof(CreatedJoinToken))]
[JsonSerializable(typeof(ImmutableArray<JoinTokenView>))]
[JsonSerializable(typeof(SignIn))]
[JsonSerializable(typeof(WhoAmI))]
[JsonSerializable(typeof(AuditPage))]
[JsonSerializable(typeof(AuditVerdict))]
[JsonSerializable(typeof(ImmutableArray<NodeDeployment>))]
public sealed partial class ManagementJson : JsonSerializerContext;
