using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// The policies that an API and one of its operations name, their settings read. Where a kind acts once, the operation's
/// takes the API's place.
/// </summary>
internal sealed class NamedPolicies
{
    private readonly Dictionary<Type, object> _single = [];
    private readonly List<object> _inOrder = [];

    /// <summary>Settings of what acts in the order of the lists, the API's first. A plug-in's is its <see cref="PolicyUse"/>.</summary>
    public IReadOnlyList<object> InOrder => _inOrder;

    /// <summary>For lists that were checked.</summary>
    public static NamedPolicies Of(Api api, Operation? operation)
    {
        var named = new NamedPolicies();
        foreach (var use in operation is null ? api.Policies : [.. api.Policies, .. operation.Policies])
        {
            if (PolicyKinds.IsPlugin(use.Name) || PolicyKinds.Find(use.Name) is not { } kind)
            {
                named._inOrder.Add(use);
                continue;
            }

            var settings =
                kind.Read(use.Settings, "", new List<Problem>())
                ?? throw new JsonException($"The settings of {use.Name} were not checked.");
            if (kind.Repeats)
            {
                named._inOrder.Add(settings);
            }
            else
            {
                named._single[settings.GetType()] = settings;
            }
        }

        return named;
    }

    /// <summary>The settings of a kind that acts once; null when it is not named.</summary>
    public T? One<T>()
        where T : class => _single.GetValueOrDefault(typeof(T)) as T;
}
