using Gatehouse.Cli;
using Gatehouse.Nodes;

namespace Gatehouse.Commands;

/// <summary>The lines <c>init</c> prints, ready to paste on this machine and on others.</summary>
internal static class WelcomeText
{
    public static void Print(Call call, Welcome welcome, NodeContext node)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Item("Welcome", welcome);
            return;
        }

        var offset = node.Settings.PortOffset;
        var data = Path.GetDirectoryName(node.DataDirectory.TrimEnd(Path.DirectorySeparatorChar)) ?? ".";
        var lines = new List<string>
        {
            $"Cluster '{welcome.Cluster}' is founded; {node.Identity.Node} runs in this terminal. The same command starts it again.",
            "",
            $"  First sign-in (once, 15 min)  {welcome.SignIn}",
            $"  Save this file elsewhere      {welcome.ClusterKey}",
            "                                (the cluster key opens every secret in the catalogue; no backup holds it)",
            $"  Authority for clients         {welcome.Authority}",
        };
        if (node.Settings.PublicUrls.Management is not null)
        {
            lines.Insert(3, $"  Console without the proxy     {welcome.Manager}");
        }

        if (welcome.Tokens.Count > 0)
        {
            lines.Add("");
            lines.Add("  On this machine, a terminal each (tokens live one hour):");
            lines.AddRange(
                welcome.Tokens.Select(
                    (token, i) =>
                        $"    gatehouse join {token.Token} --data {Path.Combine(data, token.Node)} --port-offset {offset + i + 1}"
                )
            );
            lines.Add("");
            lines.Add("  On a machine of its own: the same line without --data and --port-offset.");
        }

        lines.Add("");
        lines.Add("  Then: gatehouse status    More nodes: gatehouse token create --profile gateway-worker");
        foreach (var line in lines)
        {
            call.Output.Line(line);
        }

        call.Terminal.Out.Flush();
    }
}
