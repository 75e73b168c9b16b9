using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>Writes <c>NeverSeen</c> as <c>never-seen</c>, as profiles and kinds are written too.</summary>
public sealed class DashedEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower)
    where T : struct, Enum;
