using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What was handed in is wrong; every reason is listed. Becomes a 400 problem document with a JSON pointer for each.</summary>
public sealed class ProblemsException(ImmutableArray<Problem> problems)
    : Exception(string.Join(Environment.NewLine, problems))
{
    /// <summary>All that is wrong.</summary>
    public ImmutableArray<Problem> Problems { get; } = problems;
}
