using System.Collections.Immutable;

namespace Gatehouse.Configuration;

/// <summary>A piece of configuration as somebody wrote it, with the place.</summary>
internal abstract record ConfigNode(Origin Origin);

/// <summary>A text. What it means is decided by the setting that reads it, so <c>on</c> may be a host name.</summary>
/// <param name="Text">As written, without quotes.</param>
/// <param name="Quoted">True when it stood in quotes: then it is never empty by mistake.</param>
/// <param name="Origin">Where it was written.</param>
internal sealed record ConfigScalar(string Text, bool Quoted, Origin Origin) : ConfigNode(Origin)
{
    /// <summary>The key is there, but nobody gave it a value.</summary>
    public bool IsNull => !Quoted && Text is ("" or "null" or "~");
}

/// <summary>A list.</summary>
internal sealed record ConfigList(ImmutableArray<ConfigNode> Items, Origin Origin) : ConfigNode(Origin);

/// <summary>Names with values, each name once.</summary>
internal sealed record ConfigMap(ImmutableArray<ConfigEntry> Entries, Origin Origin) : ConfigNode(Origin);

/// <summary>One name with its value.</summary>
internal sealed record ConfigEntry(string Key, Origin KeyOrigin, ConfigNode Value);
