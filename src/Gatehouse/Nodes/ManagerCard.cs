using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Nodes;

/// <summary>
/// What a manager that runs from an old home leaves for this user's other nodes on this machine, in
/// <c>$XDG_CONFIG_HOME/gatehouse/managers/DOMAIN.json</c> (0600). It holds no secret: who may open the socket it names, in a
/// folder of 0700, is given a join token for one worker or balancer.
/// </summary>
/// <param name="Domain">The cluster's domain.</param>
/// <param name="Node">The manager's name.</param>
/// <param name="Address"><c>host:port</c> of its 7443.</param>
/// <param name="Pin">SHA-256 of the authority's certificate, hexadecimal.</param>
/// <param name="DataDirectory">Where its control socket is.</param>
internal sealed record ManagerCard(string Domain, string Node, string Address, string Pin, string DataDirectory)
{
    /// <summary>Where the card of a domain's manager lies.</summary>
    public static string PathFor(Terminal terminal, string domain) =>
        Path.Combine(
            Path.GetDirectoryName(Credentials.PathFor(terminal))!,
            "managers",
            $"{string.Concat(domain.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '_'))}.json"
        );

    /// <summary>The card; null when there is none. A damaged one is as good as none: the manager's next start replaces it.</summary>
    public static ManagerCard? Load(string path)
    {
        try
        {
            return File.Exists(path)
                ? JsonSerializer.Deserialize<ManagerCard>(File.ReadAllBytes(path), ManagerClient.Json)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The card of a running manager.</summary>
    public static ManagerCard Of(NodeContext node) =>
        new(
            node.Settings.Cluster.Domain ?? node.Identity.Facts.Domain,
            node.Identity.Node,
            new HostPort(node.Host, node.Settings.Listen.Internal.Port).ToString(),
            Convert.ToHexStringLower(
                System.Security.Cryptography.SHA256.HashData(node.Identity.Authorities[0].RawData)
            ),
            node.DataDirectory
        );

    /// <summary>Writes it whole or not at all.</summary>
    public void Save(string path)
    {
        DurableFile.CreateDirectory(Path.GetDirectoryName(path)!, secret: true);
        DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, ManagerClient.Json), secret: true);
    }
}
