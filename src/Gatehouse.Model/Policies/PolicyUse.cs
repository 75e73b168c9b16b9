using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>A policy as an API or an operation names it.</summary>
public sealed record PolicyUse
{
    /// <summary>A name of <see cref="PolicyKinds"/>, or of a plug-in, which has a slash in it.</summary>
    public required string Name { get; init; }

    /// <summary>As the policy's schema says; null for all defaults.</summary>
    public JsonElement? Settings { get; init; }
}
