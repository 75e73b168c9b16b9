using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>Where a value was written.</summary>
/// <param name="Kind">Which layer.</param>
/// <param name="Source">File, variable or flag.</param>
/// <param name="Line">1-based; 0 outside of files.</param>
/// <param name="Column">1-based; 0 outside of files.</param>
internal sealed record Origin(OriginKind Kind, string Source, int Line = 0, int Column = 0)
{
    /// <summary>Nobody wrote it.</summary>
    public static Origin Default { get; } = new(OriginKind.Default, "default");

    /// <summary>What is wrong with what was written here.</summary>
    public Problem Problem(string key, string message, string? fix = null) =>
        new(key, message, fix, Kind == OriginKind.Default ? null : Source, Line, Column);

    /// <summary><c>default</c>, <c>FILE:LINE:COLUMN</c>, a variable's name, a flag.</summary>
    public override string ToString() => Line > 0 ? $"{Source}:{Line}:{Column}" : Source;
}

/// <summary>The layers of configuration, the strongest last.</summary>
internal enum OriginKind
{
    /// <summary>Built in.</summary>
    Default,

    /// <summary><c>gatehouse.yaml</c>.</summary>
    File,

    /// <summary><c>GATEHOUSE_SECTION__KEY</c>.</summary>
    Environment,

    /// <summary>A flag of the command line.</summary>
    Flag,
}
