using Gatehouse.Cli;
using Gatehouse.Model;
using Gatehouse.Tests.Cli;
using Gatehouse.Tests.Deployment.Trust;

namespace Gatehouse.Tests.Configuration;

/// <summary>How a node is called that joined and is run with a file of its own.</summary>
public sealed class NodeNameTests
{
    [Theory]
    [InlineData("node: { profile: load-balancer }\n", "balancer-7")]
    [InlineData("node: { profile: load-balancer, name: other }\n", "other")]
    public async Task A_file_that_names_no_node_means_the_one_of_the_certificate(string file, string name)
    {
        using var shell = new Shell();
        await using var cluster = new TestCluster();
        var data = cluster.NewDataDirectory();
        cluster.Identity(Profile.LoadBalancer, "balancer-7", data).Dispose();

        var ran = await shell.RunAsync(
            "config",
            "show",
            "--data",
            data,
            "--config",
            shell.Write("balancer.yaml", file),
            "-o",
            "json"
        );

        Assert.True(ran.Code == ExitCode.Done, ran.Error);
        Assert.Contains($"\"name\": \"{name}\"", ran.Out, StringComparison.Ordinal);
    }
}
