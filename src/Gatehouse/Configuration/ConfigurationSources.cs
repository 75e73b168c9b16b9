namespace Gatehouse.Configuration;

/// <summary>Where a node's configuration comes from, and what its defaults depend on.</summary>
internal sealed record ConfigurationSources
{
    /// <summary>The file; null for none.</summary>
    public string? File { get; init; }

    /// <summary>An old node's directory, the weakest layer; null for none.</summary>
    public HomeSource? Home { get; init; }

    /// <summary>Every environment variable; those that are not ours are ignored.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Values from the command line, the last of a key wins.</summary>
    public IReadOnlyList<FlagValue> Flags { get; init; } = [];

    /// <summary>The default for the node's name: the one in its certificate, or this machine's.</summary>
    public string HostName { get; init; } = "node";

    /// <summary>The process may listen on 80 and 443.</summary>
    public bool MayBindLowPorts { get; init; }
}

/// <summary>One value from the command line.</summary>
/// <param name="Flag">As the user typed it: <c>--port-offset</c> or <c>--set log.level</c>.</param>
/// <param name="Key">Which setting.</param>
/// <param name="Text">The value.</param>
internal sealed record FlagValue(string Flag, string Key, string Text);
