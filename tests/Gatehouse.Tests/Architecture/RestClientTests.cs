using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Gatehouse.Tests.Architecture;

/// <summary>The command line asks a manager by the client that is generated from the REST API's document (decision 0013).</summary>
public sealed partial class RestClientTests
{
    private static readonly string[] s_client = ["ManagerApi.g.cs", "ManagerClient.cs", "ManagerRequest.cs"];

    [Fact]
    public void No_command_makes_a_request_of_its_own_to_the_REST_API()
    {
        var files = Directory.GetFiles(Source(), "*.cs", SearchOption.AllDirectories);
        var (client, others) = (
            files.Where(f => s_client.Contains(Path.GetFileName(f))).ToList(),
            files.Where(f => !s_client.Contains(Path.GetFileName(f))).ToList()
        );

        Assert.Equal(s_client.Length, client.Count);
        Assert.All(client, file => Assert.Matches(Request(), File.ReadAllText(file)));
        Assert.All(others, file => Assert.DoesNotMatch(Request(), File.ReadAllText(file)));
    }

    private static string Source([CallerFilePath] string file = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "../../../src/Gatehouse"));

    // A path of the API at the beginning of a string, or what would carry one.
    [GeneratedRegex(@"""/?api/v1|ManagerRequest")]
    private static partial Regex Request();
}
