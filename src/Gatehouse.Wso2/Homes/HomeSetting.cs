using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>One value for a key of <c>gatehouse.yaml</c>, taken from an old file.</summary>
/// <param name="Key">Dotted: <c>cluster.localMember.port</c>.</param>
/// <param name="Value">What it is.</param>
/// <param name="Place">Where it stands in the old file.</param>
public sealed record HomeSetting(string Key, HomeValue Value, Place Place);

/// <summary>A text, a list or a map of texts, each with its place.</summary>
public abstract record HomeValue
{
    /// <summary>One text.</summary>
    public sealed record Text(string Value) : HomeValue;

    /// <summary>Several.</summary>
    public sealed record List(ImmutableArray<(string Value, Place Place)> Items) : HomeValue;

    /// <summary>What is neither: a list of sections.</summary>
    public sealed record Tree(JsonNode Value) : HomeValue;

    /// <summary>Several with names.</summary>
    public sealed record Map(ImmutableArray<(string Name, string Value, Place Place)> Entries) : HomeValue;
}
