namespace Gatehouse.Tests.Cluster;

/// <summary>
/// Membership decides by time and takes ports around its own: its tests run one after another and beside nothing else, as a
/// node does on its machine.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MembershipCollection
{
    public const string Name = "Membership";
}
