using System.Text.Json.Nodes;
using Gatehouse.Client;
using Gatehouse.Configuration;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Nodes;

/// <summary>What a running node answers on its control socket: <c>status</c>, <c>reload</c>, <c>sign-in-link</c>, <c>join-token</c>.</summary>
internal sealed class NodeControl(RunningNode node, Reloader reloader)
{
    public async Task<ControlReply> AnswerAsync(ControlRequest request, CancellationToken cancellation) =>
        request.Command switch
        {
            "status" => Status(),
            "reload" => (await reloader.ReloadAsync(cancellation)).ToReply(),
            "sign-in-link" => await SignInLinkAsync(cancellation),
            "join-token" => await JoinTokenAsync(request.Arguments, cancellation),
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

    // For nodes of this user on this machine that find the manager by its card; they become workers or balancers, never managers.
    private async Task<ControlReply> JoinTokenAsync(JsonObject? arguments, CancellationToken cancellation)
    {
        if (node.Manager is not { } manager)
        {
            return new(false, $"{node.Context.Identity.Node} is no manager");
        }

        if (
            !Profiles.TryParse((string?)arguments?["profile"], out var profile)
            || profile is not (Profile.GatewayWorker or Profile.LoadBalancer)
        )
        {
            return new(
                false,
                "only workers and load balancers are let in this way; a manager needs a token of an operator"
            );
        }

        var services = manager.Services;
        var registry = services.GetRequiredService<NodeRegistry>();
        var name = (string?)arguments?["node"];
        // A name that is taken, or cannot be one, is a wish that is not granted: the node gets the next free one.
        var free =
            name is not null
            && Deployment.Trust.NodeNames.IsValid(name)
            && await registry.FindAsync(name, cancellation) is null;
        var grant = await registry.CreateTokenAsync(
            profile,
            free ? name : null,
            new Actor("control socket", "this machine"),
            cancellation
        );
        return new(
            true,
            $"made a join token for {grant.Node}",
            new JsonObject { ["token"] = services.GetRequiredService<ManagementOptions>().EncodeJoinToken(grant) }
        );
    }

    /// <summary>The link that signs in once, with the authority's pin.</summary>
    public static string LinkOf(NodeContext context, string code) =>
        SignInLink.For(new Uri(ManagementUrl.Public(context)), code, context.Identity.Authorities).ToString();
}
