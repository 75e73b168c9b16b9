using System.Collections.Immutable;

namespace Gatehouse.Management;

/// <summary>What differs between two states of an API.</summary>
/// <param name="From">The older state, <c>r3</c>.</param>
/// <param name="To">The newer state, <c>r4</c>, or <c>definition</c> for what a deployment would make.</param>
/// <param name="Changes">In the words of the API, not of its file.</param>
/// <param name="Document">Unified diff of the documents; empty when they are equal, null when they differ too much to show.</param>
public sealed record RevisionDiff(string From, string To, ImmutableArray<ApiChange> Changes, string? Document);

/// <summary>One thing that differs.</summary>
/// <param name="What">Such as <c>operation GET /pets</c> or <c>context</c>.</param>
/// <param name="Before">Null when it is new.</param>
/// <param name="After">Null when it is gone.</param>
/// <param name="IsBreaking">True when callers that worked before may fail.</param>
public sealed record ApiChange(string What, string? Before, string? After, bool IsBreaking);
