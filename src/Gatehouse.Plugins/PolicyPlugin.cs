namespace Gatehouse.Plugins;

/// <summary>
/// A policy that a C# assembly adds to the gateway. Every public class of the assembly that derives from
/// <see cref="PolicyPlugin{TSettings}"/> and has a constructor without parameters is one.
/// </summary>
public abstract class PolicyPlugin
{
    private protected PolicyPlugin() { }

    /// <summary>
    /// What APIs call it: <c>vendor/policy</c>, each of lower-case letters, digits and dashes. The slash keeps it apart from
    /// what the gateway itself has.
    /// </summary>
    public abstract string Name { get; }

    /// <summary>One or two sentences for people who choose a policy.</summary>
    public abstract string Summary { get; }

    /// <summary>Settings as JSON that the policy takes; shown by the command line and where a publisher adds the policy.</summary>
    public virtual string Example => "{}";

    internal abstract Type SettingsType { get; }

    internal abstract IEnumerable<SettingsProblem> CheckSettings(object settings);

    internal abstract PluginPolicy CreateFrom(object settings, PolicyPlace place);
}

/// <summary>A policy that a C# assembly adds to the gateway.</summary>
/// <typeparam name="TSettings">
/// What a publisher may set: a record whose public properties have setters and defaults. JSON schema, documentation and form
/// are made of it; <see cref="System.ComponentModel.DescriptionAttribute"/> says what a property is for. A property that it
/// does not have is refused.
/// </typeparam>
public abstract class PolicyPlugin<TSettings> : PolicyPlugin
    where TSettings : class, new()
{
    /// <summary>What is wrong with settings beyond their form; nothing by default. Asked on managers and on workers.</summary>
    /// <param name="settings">As a publisher wrote them, defaults filled in.</param>
    public virtual IEnumerable<SettingsProblem> Check(TSettings settings) => [];

    /// <summary>
    /// Makes the policy of one operation, when its API is applied. An exception refuses the API on this worker, which goes on
    /// with the API's last good self.
    /// </summary>
    /// <param name="settings">Settings that <see cref="Check"/> found nothing wrong with.</param>
    /// <param name="place">Where it will stand.</param>
    public abstract PluginPolicy Create(TSettings settings, PolicyPlace place);

    internal sealed override Type SettingsType => typeof(TSettings);

    internal sealed override IEnumerable<SettingsProblem> CheckSettings(object settings) => Check((TSettings)settings);

    internal sealed override PluginPolicy CreateFrom(object settings, PolicyPlace place) =>
        Create((TSettings)settings, place);
}

/// <summary>Something wrong with settings.</summary>
/// <param name="Pointer">Where, as a JSON pointer from the settings down: <c>/header</c>; empty for the whole.</param>
/// <param name="Message">What, for the publisher.</param>
/// <param name="Fix">What to do; null when the message says it.</param>
public sealed record SettingsProblem(string Pointer, string Message, string? Fix = null);

/// <summary>Where a policy stands.</summary>
/// <param name="Api">The API's name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Method">The operation's method.</param>
/// <param name="Path">Its path template: <c>/pets/{id}</c>.</param>
public sealed record PolicyPlace(string Api, string Version, string Method, string Path);
