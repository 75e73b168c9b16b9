using System.Text.Json;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Internal;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Nodes;

/// <summary>Both ends of an inspection: what this node says of itself, and how a manager asks another.</summary>
internal static class NodeInspector
{
    private const int LargestAnswer = 4 << 20;

    /// <summary>What this node says.</summary>
    public static NodeInspection Of(NodeConfiguration configuration, RecentLog log)
    {
        var (lines, forgotten) = log.Read();
        return new(
            [
                .. SettingsTable.All.Select(s => new NodeSetting(
                    s.Key,
                    s.Text(configuration.Effective(s)) ?? $"({s.DefaultText})",
                    configuration.OriginOf(s),
                    configuration.Value(s).Origin.Kind == OriginKind.Default
                )),
            ],
            lines,
            forgotten
        );
    }

    /// <summary>Asks a registered node; this one answers itself.</summary>
    public static async Task<NodeInspection> AskAsync(NodeContext self, Node node, CancellationToken cancellation)
    {
        if (node.Name == self.Identity.Node)
        {
            return self.Inspection();
        }

        using var client = new HttpClient(
            self.Channel.CreateHandler(node.Host, node.InternalPort, PeerExpectation.For(node))
        )
        {
            MaxResponseContentBufferSize = LargestAnswer,
        };
        var answer = await client.GetAsync(
            new Uri($"https://{InternalPurpose.Control.ServerName()}{InternalPaths.Inspection}"),
            cancellation
        );
        if (answer.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            throw new HttpRequestException("it is of an older version that cannot be asked");
        }

        answer.EnsureSuccessStatusCode();
        try
        {
            return JsonSerializer.Deserialize(
                    await answer.Content.ReadAsByteArrayAsync(cancellation),
                    ManagementJson.Default.NodeInspection
                ) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new HttpRequestException("its answer cannot be read; is it of another version?");
        }
    }
}
