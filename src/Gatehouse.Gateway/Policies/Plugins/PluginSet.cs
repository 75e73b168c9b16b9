using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Policies;
using Gatehouse.Model;
using Gatehouse.Plugins;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>
/// The plug-ins that a node has loaded, for as long as it runs. A plug-in is code of the operator's and may do what the
/// process may; what it throws is kept from everything else.
/// </summary>
public sealed partial class PluginSet
{
    private static readonly JsonSerializerOptions s_settings = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly FrozenDictionary<string, Loaded> _byName;

    private PluginSet(IEnumerable<Loaded> plugins, IEnumerable<Problem> problems)
    {
        _byName = plugins.ToFrozenDictionary(p => p.Kind.Name, StringComparer.Ordinal);
        Problems = [.. problems];
    }

    /// <summary>A node without any.</summary>
    public static PluginSet None { get; } = new([], []);

    /// <summary>What they add: names, settings, schemas.</summary>
    public ImmutableArray<PolicyKind> Kinds =>
        [.. _byName.Values.Select(p => p.Kind).OrderBy(k => k.Name, StringComparer.Ordinal)];

    /// <summary>What could not be loaded, each with its file and the reason. The others work all the same.</summary>
    public ImmutableArray<Problem> Problems { get; }

    /// <summary>
    /// Loads every plug-in of a folder: each is a folder of its own, with an assembly of the same name and what it needs
    /// beside it. Does not throw: what cannot be loaded is among <see cref="Problems"/>.
    /// </summary>
    public static PluginSet Load(string folder)
    {
        var problems = new List<Problem>();
        var plugins = new List<Loaded>();
        try
        {
            foreach (var directory in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
            {
                Add(plugins, problems, PluginAssembly.TypesOf(directory, problems));
            }

            foreach (var stray in Directory.GetFiles(folder, "*.dll").Order(StringComparer.Ordinal))
            {
                problems.Add(
                    new(
                        "",
                        "an assembly that stands alone is no plug-in",
                        $"move it to {Path.Combine(Path.GetFileNameWithoutExtension(stray), Path.GetFileName(stray))}, with what it needs beside it",
                        stray
                    )
                );
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add(
                new(
                    "plugins",
                    $"the folder cannot be read: {e.Message}",
                    "make it readable for the node's user",
                    folder
                )
            );
        }

        return new(plugins, problems);
    }

    internal static PluginSet Of(params IEnumerable<Type> types)
    {
        var problems = new List<Problem>();
        var plugins = new List<Loaded>();
        Add(plugins, problems, types);
        return new(plugins, problems);
    }

    /// <summary>
    /// A plug-in's policies of one operation. Throws <see cref="FormatException"/> when this node has no such plug-in, or when
    /// it does not take the settings.
    /// </summary>
    internal IEnumerable<IPolicy> Create(PolicyUse use, Api api, Operation operation, ILogger logger)
    {
        if (!_byName.TryGetValue(use.Name, out var plugin))
        {
            throw new FormatException(
                $"This node has no plug-in for the policy '{use.Name}'; put it into the folder that its setting 'plugins' names, and start it anew."
            );
        }

        var problems = new List<Problem>();
        if (plugin.Kind.Read(use.Settings, "", problems) is not { } settings)
        {
            throw new FormatException($"{use.Name}: {problems[0].Pointer} {problems[0].Message}".TrimEnd('.') + ".");
        }

        try
        {
            var place = new PolicyPlace(api.Name, api.Version, operation.Method, operation.Path);
            return PluginCalls.Of(
                use.Name,
                plugin.Plugin.CreateFrom(settings, place) ?? throw new InvalidOperationException("it made no policy"),
                logger
            );
        }
        catch (Exception fault)
        {
            throw new FormatException($"The plug-in {use.Name} failed: {fault.Message.TrimEnd('.')}.", fault);
        }
    }

    private static void Add(List<Loaded> plugins, List<Problem> problems, IEnumerable<Type> types)
    {
        foreach (var type in types)
        {
            try
            {
                var plugin = Make(type);
                if (plugins.FirstOrDefault(p => p.Kind.Name == plugin.Kind.Name) is { } other)
                {
                    throw new InvalidOperationException(
                        $"{other.Plugin.GetType().Assembly.Location} has a policy {plugin.Kind.Name} too"
                    );
                }

                plugins.Add(plugin);
            }
            catch (Exception fault)
            {
                var why = fault is TargetInvocationException { InnerException: { } inner } ? inner : fault;
                problems.Add(
                    new(
                        type.FullName ?? type.Name,
                        $"the plug-in is not loaded: {why.Message}",
                        "have its author mend it; APIs that use it are refused by this node until then",
                        type.Assembly.Location
                    )
                );
            }
        }
    }

    private static Loaded Make(Type type)
    {
        var plugin = (PolicyPlugin)Activator.CreateInstance(type)!;
        var name = plugin.Name;
        if (name is null || !NameForm().IsMatch(name))
        {
            throw new InvalidOperationException($"'{name}' is no name of the form vendor/policy");
        }

        var kind = PolicyKind.OfPlugin(
            name,
            plugin.Summary ?? "",
            plugin.Example ?? "{}",
            s_settings.GetTypeInfo(plugin.SettingsType),
            settings => plugin.CheckSettings(settings).Select(p => new Problem(p.Pointer, p.Message, p.Fix))
        );

        // What people are shown must be made and must be right.
        _ = kind.Schema();
        var problems = new List<Problem>();
        if (kind.Read(JsonDocument.Parse(kind.Example).RootElement, "", problems) is null)
        {
            throw new InvalidOperationException(
                $"it refuses its own example: {problems[0].Pointer} {problems[0].Message}"
            );
        }

        return new(plugin, kind);
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,63}/[a-z0-9][a-z0-9-]{0,63}$", RegexOptions.CultureInvariant)]
    private static partial Regex NameForm();

    private sealed record Loaded(PolicyPlugin Plugin, PolicyKind Kind);
}
