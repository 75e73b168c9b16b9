using System.Collections.Immutable;

namespace Gatehouse.Model;

/// <summary>
/// Where APIs are deployed to, such as <c>staging</c>: a deployment belongs to one, a worker serves some. The default one is
/// there without an entity, and means what a cluster without environments did.
/// </summary>
public sealed record GatewayEnvironment
{
    /// <summary>The environment of whoever names none.</summary>
    public const string Default = "default";

    /// <summary>The most characters of a name.</summary>
    public const int LongestName = 40;

    /// <summary>The most host names.</summary>
    public const int MostHosts = 32;

    /// <summary>Lower-case letters, digits and dashes; the entity's name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for, in a line.</summary>
    public string? Description { get; init; }

    /// <summary>Host names (WSO2 <c>vhosts</c>) that its deployments answer on, lower-case; empty for any.</summary>
    public ImmutableArray<string> Hosts
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Whether an environment can be called that: lower-case letters, digits and dashes, beginning and ending with a letter or digit.</summary>
    public static bool IsName(string? name) =>
        name is { Length: > 0 and <= LongestName }
        && name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')
        && name[0] != '-'
        && name[^1] != '-';
}
