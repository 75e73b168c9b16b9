using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Cluster;

/// <summary>Membership cannot start until the operator mends something.</summary>
public sealed class MembershipException(ImmutableArray<Problem> problems)
    : Exception(string.Join(Environment.NewLine, problems))
{
    /// <summary>All of it.</summary>
    public ImmutableArray<Problem> Problems { get; } = problems;
}
