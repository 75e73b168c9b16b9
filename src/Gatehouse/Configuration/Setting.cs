using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>One key of the configuration: its name, kind, default, meaning, and whether a running node can take a new value.</summary>
internal abstract class Setting
{
    /// <summary>Dotted: <c>listen.gateway.https</c>.</summary>
    public required string Key { get; init; }

    /// <summary>One or two sentences for the reference.</summary>
    public required string Doc { get; init; }

    /// <summary>False when a new value waits for a restart.</summary>
    public required bool Reloads { get; init; }

    /// <summary>True for a port that <c>portOffset</c> moves.</summary>
    public bool Moves { get; init; }

    /// <summary>Flag of the command line that sets it, besides <c>--set KEY=VALUE</c>; null for none.</summary>
    public string? Flag { get; init; }

    /// <summary>The default in words when it is not a fixed value.</summary>
    public string? DefaultInWords { get; init; }

    /// <summary>The variable that sets it.</summary>
    public string Variable => $"GATEHOUSE_{Key.Replace(".", "__", StringComparison.Ordinal).ToUpperInvariant()}";

    /// <summary>The kind's name.</summary>
    public abstract string KindName { get; }

    /// <summary>True when the value is a single text.</summary>
    public abstract bool IsScalar { get; }

    /// <summary>Reads a value, or adds what is wrong.</summary>
    public abstract bool TryRead(ConfigNode node, ICollection<Problem> problems, out object? value);

    /// <summary>The default on this machine, given the settings decided so far.</summary>
    public abstract object? DefaultOn(SettingDefaults machine);

    /// <summary>The value as it would be written.</summary>
    public abstract JsonNode? Write(object? value);

    /// <summary>For editors.</summary>
    public abstract JsonObject Schema();

    /// <summary>The default as the reference shows it.</summary>
    public string DefaultText => DefaultInWords ?? Text(DefaultOn(SettingDefaults.None)) ?? "";

    /// <summary>A value in one line: lists with commas, null for none.</summary>
    public string? Text(object? value) =>
        Write(value) switch
        {
            null => null,
            JsonArray { Count: 0 } => "[]",
            JsonArray list when list.All(i => i is JsonValue) => string.Join(", ", list.Select(i => i!.ToString())),
            JsonObject { Count: 0 } => "{}",
            JsonValue single => single.ToString(),
            var other => other.ToJsonString(),
        };
}

/// <summary>A key whose values are <typeparamref name="T"/>.</summary>
internal sealed class Setting<T> : Setting
{
    /// <summary>What its values may be.</summary>
    public required ValueKind<T> Kind { get; init; }

    /// <summary>What it is when nobody says.</summary>
    public required Func<SettingDefaults, T> Default { get; init; }

    public override string KindName => Kind.Name;

    public override bool IsScalar => Kind.IsScalar;

    public override bool TryRead(ConfigNode node, ICollection<Problem> problems, out object? value)
    {
        var read = Kind.TryRead(node, Key, problems, out var typed);
        value = typed;
        return read;
    }

    public override object? DefaultOn(SettingDefaults machine) => Default(machine);

    public override JsonNode? Write(object? value) => Kind.Write((T)value!);

    public override JsonObject Schema() => Kind.Schema();
}

/// <summary>What defaults depend on.</summary>
/// <param name="HostName">This machine's name.</param>
/// <param name="MayBindLowPorts">The process may listen on 80 and 443.</param>
/// <param name="Profile">What the node runs.</param>
internal sealed record SettingDefaults(string HostName, bool MayBindLowPorts, Profile Profile)
{
    /// <summary>For the reference, which knows no machine.</summary>
    public static SettingDefaults None { get; } = new("node", true, Profile.AllInOne);
}
