using Gatehouse.Management;
using Gatehouse.Portal.Kit;

namespace Gatehouse.Portal.Publisher;

/// <summary>How the states of an API's life look.</summary>
internal static class ApiTone
{
    public static Tone Of(ApiState state) =>
        state switch
        {
            ApiState.Published => new("ok", "circle-check", "published"),
            ApiState.Prototyped => new("busy", "eye", "prototyped"),
            ApiState.Blocked => new("fail", "ban", "blocked"),
            ApiState.Deprecated => new("warn", "clock", "deprecated"),
            ApiState.Retired => new("unknown", "power", "retired"),
            _ => new("unknown", "pencil", "created"),
        };

    /// <summary>What a step of the life means for who calls the API.</summary>
    public static string Means(LifecycleAction action) =>
        action switch
        {
            LifecycleAction.Publish =>
                "It stands in the developer portal, and everybody who may see it can subscribe. When it is not deployed, it is deployed.",
            LifecycleAction.DeployAsPrototype =>
                "Everybody may call it, without subscription and without credentials. Do this only with a backend that may be open.",
            LifecycleAction.DemoteToCreated =>
                "It leaves the developer portal: nobody new can subscribe. Subscribers it has go on calling it.",
            LifecycleAction.Block =>
                "Every call is answered with 503 (code 700700) within a second, for all subscribers. Subscriptions stay.",
            LifecycleAction.RePublish => "Calls are answered again.",
            LifecycleAction.Deprecate => "Subscribers it has go on calling it; nobody new can subscribe.",
            _ =>
                "It leaves every gateway and all its subscriptions end, for ever. Calls are answered with 404. This cannot be taken back.",
        };

    public static string Title(LifecycleAction action) =>
        action switch
        {
            LifecycleAction.DeployAsPrototype => "Prototype",
            LifecycleAction.DemoteToCreated => "Back to created",
            LifecycleAction.RePublish => "Unblock",
            _ => action.ToString(),
        };
}
