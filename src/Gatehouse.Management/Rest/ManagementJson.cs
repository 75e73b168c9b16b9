using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>How the REST API's documents are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
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
[JsonSerializable(typeof(CreateTraceGrant))]
[JsonSerializable(typeof(IssuedTraceGrant))]
[JsonSerializable(typeof(AuditPage))]
[JsonSerializable(typeof(AuditVerdict))]
[JsonSerializable(typeof(ImmutableArray<NodeDeployment>))]
[JsonSerializable(typeof(Page<ApiSummary>))]
[JsonSerializable(typeof(ImportView))]
[JsonSerializable(typeof(PoliciesView))]
[JsonSerializable(typeof(ImmutableArray<PolicyUse>))]
[JsonSerializable(typeof(ApiView))]
[JsonSerializable(typeof(ApiEdit))]
[JsonSerializable(typeof(Page<RevisionView>))]
[JsonSerializable(typeof(RevisionDiff))]
[JsonSerializable(typeof(DeploymentView))]
[JsonSerializable(typeof(LifecycleView))]
[JsonSerializable(typeof(LifecycleRequest))]
[JsonSerializable(typeof(DeployRequest))]
[JsonSerializable(typeof(RollbackRequest))]
[JsonSerializable(typeof(Page<Application>))]
[JsonSerializable(typeof(CreateApplication))]
[JsonSerializable(typeof(SetPolicy))]
[JsonSerializable(typeof(Page<SubscriptionView>))]
[JsonSerializable(typeof(CreateSubscription))]
[JsonSerializable(typeof(Page<KeyView>))]
[JsonSerializable(typeof(CreateKey))]
[JsonSerializable(typeof(CreatedKey))]
[JsonSerializable(typeof(RollKey))]
[JsonSerializable(typeof(SetApplication))]
[JsonSerializable(typeof(SetSubscription))]
[JsonSerializable(typeof(Page<Issuer>))]
[JsonSerializable(typeof(SetIssuer))]
[JsonSerializable(typeof(RevokeToken))]
[JsonSerializable(typeof(RevokedToken))]
[JsonSerializable(typeof(Page<Plan>))]
[JsonSerializable(typeof(Page<ApplicationPolicy>))]
[JsonSerializable(typeof(Page<ApiPolicy>))]
[JsonSerializable(typeof(Page<CustomRule>))]
[JsonSerializable(typeof(Page<BlockView>))]
[JsonSerializable(typeof(CreateBlock))]
public sealed partial class ManagementJson : JsonSerializerContext;
