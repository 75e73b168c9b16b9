using System.Reflection;
using Gatehouse.Model;

namespace Gatehouse.Tests.Architecture;

/// <summary>Which project may know which: design §9, drawn in README.</summary>
public sealed class ArrowTests
{
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        ["Gatehouse.Model"] = [],
        ["Gatehouse.Cluster"] = ["Gatehouse.Model"],
        ["Gatehouse.Deployment"] = ["Gatehouse.Model"],
        ["Gatehouse.Plugins"] = [],
        ["Gatehouse.Gateway"] = ["Gatehouse.Model", "Gatehouse.Plugins"],
        ["Gatehouse.Management"] = ["Gatehouse.Model", "Gatehouse.Deployment", "Gatehouse.Cluster"],
        ["Gatehouse.KeyManager"] = ["Gatehouse.Model", "Gatehouse.Deployment", "Gatehouse.Management"],
        ["Gatehouse.Wso2"] = ["Gatehouse.Model"],
        ["Gatehouse.Portal"] = ["Gatehouse.Model", "Gatehouse.Deployment", "Gatehouse.Management"],
        ["gatehouse"] =
        [
            "Gatehouse.Model",
            "Gatehouse.Plugins",
            "Gatehouse.Cluster",
            "Gatehouse.Deployment",
            "Gatehouse.Gateway",
            "Gatehouse.Management",
            "Gatehouse.KeyManager",
            "Gatehouse.Wso2",
            "Gatehouse.Portal",
        ],
    };

    public static TheoryData<string> Projects => [.. s_mayUse.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_knows_only_those_below_it(string project)
    {
        var known = References(project).Where(s_mayUse.ContainsKey);

        Assert.Subset(s_mayUse[project].ToHashSet(), known.ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Akka_stays_behind_the_words_of_membership(string project) =>
        Assert.Equal(
            project == "Gatehouse.Cluster",
            References(project).Any(name => name.StartsWith("Akka", StringComparison.Ordinal))
        );

    [Fact]
    public void The_model_uses_nothing_but_the_framework() =>
        Assert.All(
            typeof(Api).Assembly.GetReferencedAssemblies(),
            reference => Assert.StartsWith("System", reference.Name, StringComparison.Ordinal)
        );

    private static IEnumerable<string> References(string project) =>
        Assembly.Load(project).GetReferencedAssemblies().Select(reference => reference.Name!);
}
