using System.Text.Json.Nodes;
using Gatehouse.Client;
using Gatehouse.Configuration;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Nodes;

/// <summary>What a running node answers on its control socket: <c>status</c>, <c>reload</c>, <c>sign-in-link</c>.</summary>
internal sealed class NodeControl(RunningNode node, Reloader reloader)
{
    public async Task<ControlReply> AnswerAsync(ControlRequest request, CancellationToken cancellation) =>
        request.Command switch
        {
            "status" => Status(),
            "reload" => (await reloader.ReloadAsync(cancellation)).ToReply(),
            "sign-in-link" => await SignInLinkAsync(cancellation),
            var unknown => new(false, $"this node does not know the command '{unknown}'; is it of another version?"),
        };

    private ControlReply Status()
    {
        var context = node.Context;
        var readiness = node.Readiness();
        var data = new JsonObject
        {
            ["node"] = context.Identity.Node,
            ["profile"] = context.Identity.Profile.Name(),
            ["cluster"] = context.Identity.Cluster,
            ["ready"] = readiness.Ready,
            ["why"] = readiness.Why,
            ["process"] = Environment.ProcessId,
            ["internalPort"] = context.Settings.Listen.Internal.Port,
            ["certificateEnds"] = context.Identity.Certificate.Ends.ToString("u"),
        };
        foreach (var listener in PublicListeners.Of(context))
        {
            data[listener.Name] = listener.EndPoint.ToString();
        }

        if (node.Traffic?.Status is { } status)
        {
            data["epoch"] = status.Cursor?.Epoch;
            data["manager"] = status.Manager;
            data["refused"] = new JsonArray([
                .. status.Refusals.Select(refusal => (JsonNode)$"{refusal.Kind} {refusal.Name}: {refusal.Reason}"),
            ]);
            data["storeFaults"] = new JsonArray([
                .. status.Faults.Select(fault => (JsonNode)$"{fault.What}: {fault.Reason}"),
            ]);
        }

        return new(true, readiness.Why, data);
    }

    // Whoever may open the socket owns the data directory, and with it the cluster key: no wider door than that.
    private async Task<ControlReply> SignInLinkAsync(CancellationToken cancellation)
    {
        if (node.Manager is not { } manager)
        {
            return new(false, $"{node.Context.Identity.Node} is no manager");
        }

        var code = await manager
            .Services.GetRequiredService<AccessTokens>()
            .CreateSignInCodeAsync("admin", Roles.Admin, new Actor("control socket", "this machine"), cancellation);
        return new(true, "made a sign-in link", new JsonObject { ["link"] = LinkOf(node.Context, code) });
    }

    /// <summary>The link that signs in once, with the authority's pin.</summary>
    public static string LinkOf(NodeContext context, string code) =>
        SignInLink.For(new Uri(ManagementUrl.Of(context)), code, context.Identity.Authorities[0]).ToString();
}
