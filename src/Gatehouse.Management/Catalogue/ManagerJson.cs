using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>How entities that stay on the managers are stored. Members a later build adds are passed over, so that a step back can read them.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(ApiLifecycle))]
[JsonSerializable(typeof(ApiListing))]
[JsonSerializable(typeof(ApiDocument))]
[JsonSerializable(typeof(ApiCategory))]
[JsonSerializable(typeof(Comment))]
[JsonSerializable(typeof(Rating))]
[JsonSerializable(typeof(ApprovalTask))]
[JsonSerializable(typeof(ApprovalSettings))]
[JsonSerializable(typeof(AlertRule))]
[JsonSerializable(typeof(RaisedAlert))]
[JsonSerializable(typeof(MailSettings))]
internal sealed partial class ManagerJson : JsonSerializerContext;
