using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Where an API stands in its life (WSO2's <c>APILifeCycle.json</c>). Append only.</summary>
[JsonConverter(typeof(DashedEnum<ApiState>))]
public enum ApiState
{
    /// <summary>Its publisher works on it; app developers do not see it.</summary>
    Created,

    /// <summary>Open to everybody, without subscription or credentials, for trying it out.</summary>
    Prototyped,

    /// <summary>Serves its subscribers, and whoever subscribes.</summary>
    Published,

    /// <summary>Answers 503 with code 700700; subscriptions stay.</summary>
    Blocked,

    /// <summary>Serves the subscribers it has and takes no others.</summary>
    Deprecated,

    /// <summary>On no gateway and without subscriptions, for ever.</summary>
    Retired,
}

/// <summary>A step from one state to another, in WSO2's names.</summary>
[JsonConverter(typeof(DashedEnum<LifecycleAction>))]
public enum LifecycleAction
{
    /// <summary>To <see cref="ApiState.Published"/>.</summary>
    Publish,

    /// <summary>To <see cref="ApiState.Prototyped"/>.</summary>
    DeployAsPrototype,

    /// <summary>Back to <see cref="ApiState.Created"/>.</summary>
    DemoteToCreated,

    /// <summary>To <see cref="ApiState.Blocked"/>.</summary>
    Block,

    /// <summary>From <see cref="ApiState.Blocked"/> back to <see cref="ApiState.Published"/>.</summary>
    RePublish,

    /// <summary>To <see cref="ApiState.Deprecated"/>.</summary>
    Deprecate,

    /// <summary>To <see cref="ApiState.Retired"/>.</summary>
    Retire,
}

/// <summary>
/// The life of one API version so far. An entity of its own that stays on the managers: a step moves no revision, and a new
/// revision takes no step. An API without one is <see cref="ApiState.Created"/>.
/// </summary>
public sealed record ApiLifecycle
{
    private const int LongestHistory = 500;

    private static readonly FrozenDictionary<
        ApiState,
        ImmutableArray<(LifecycleAction Action, ApiState To)>
    > s_transitions = new Dictionary<ApiState, ImmutableArray<(LifecycleAction, ApiState)>>
    {
        [ApiState.Created] =
        [
            (LifecycleAction.Publish, ApiState.Published),
            (LifecycleAction.DeployAsPrototype, ApiState.Prototyped),
        ],
        [ApiState.Prototyped] =
        [
            (LifecycleAction.Publish, ApiState.Published),
            (LifecycleAction.DemoteToCreated, ApiState.Created),
            (LifecycleAction.DeployAsPrototype, ApiState.Prototyped),
        ],
        [ApiState.Published] =
        [
            (LifecycleAction.Block, ApiState.Blocked),
            (LifecycleAction.DeployAsPrototype, ApiState.Prototyped),
            (LifecycleAction.DemoteToCreated, ApiState.Created),
            (LifecycleAction.Deprecate, ApiState.Deprecated),
            (LifecycleAction.Publish, ApiState.Published),
        ],
        [ApiState.Blocked] =
        [
            (LifecycleAction.Deprecate, ApiState.Deprecated),
            (LifecycleAction.RePublish, ApiState.Published),
        ],
        [ApiState.Deprecated] = [(LifecycleAction.Retire, ApiState.Retired)],
        [ApiState.Retired] = [],
    }.ToFrozenDictionary();

    /// <summary>Where it stands.</summary>
    public ApiState State { get; init; }

    /// <summary>The steps that led here, the oldest first; of very long lives the newest 500.</summary>
    public ImmutableArray<LifecycleStep> History
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>What may be done in <paramref name="state"/>, and where it leads.</summary>
    public static ImmutableArray<(LifecycleAction Action, ApiState To)> ActionsIn(ApiState state) =>
        s_transitions[state];

    /// <summary>How the gateways treat a deployed API in <paramref name="state"/>.</summary>
    public static ApiStatus StatusOf(ApiState state) =>
        state switch
        {
            ApiState.Prototyped => ApiStatus.Prototyped,
            ApiState.Blocked => ApiStatus.Blocked,
            ApiState.Deprecated => ApiStatus.Deprecated,
            // Its publisher tries it with subscriptions of their own; nobody else can get one.
            _ => ApiStatus.Published,
        };

    /// <summary>The life after one more step. Throws <see cref="ConflictException"/> when the state does not allow it.</summary>
    internal ApiLifecycle After(string api, LifecycleAction action, string by, DateTimeOffset at, string? comment)
    {
        var allowed = s_transitions[State];
        foreach (var (candidate, to) in allowed)
        {
            if (candidate == action)
            {
                var history = History.Add(new(action, State, to, by, at, comment));
                return new()
                {
                    State = to,
                    History = history.Length > LongestHistory ? history[^LongestHistory..] : history,
                };
            }
        }

        throw new ConflictException(
            $"{api} is {LifecycleWords.Of(State)}, which does not allow {LifecycleWords.Of(action)}",
            allowed.IsEmpty
                ? "nothing follows a retired API; import it anew under another version"
                : $"what may follow: {string.Join(", ", allowed.Select(a => LifecycleWords.Of(a.Action)))}"
        );
    }
}

/// <summary>One step of a life.</summary>
/// <param name="Action">What was done.</param>
/// <param name="From">The state before.</param>
/// <param name="To">The state after.</param>
/// <param name="By">Who did it.</param>
/// <param name="At">When.</param>
/// <param name="Comment">What they said about it.</param>
public sealed record LifecycleStep(
    LifecycleAction Action,
    ApiState From,
    ApiState To,
    string By,
    DateTimeOffset At,
    string? Comment = null
);

/// <summary>States and actions as they are written in documents and commands.</summary>
public static class LifecycleWords
{
    /// <summary>Such as <c>deploy-as-prototype</c>.</summary>
    public static string Of(LifecycleAction action) =>
        System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(action.ToString());

    /// <summary>Such as <c>published</c>.</summary>
    public static string Of(ApiState state) =>
        System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(state.ToString());
}
