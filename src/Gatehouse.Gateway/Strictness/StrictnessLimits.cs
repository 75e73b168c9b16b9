namespace Gatehouse.Gateway.Strictness;

/// <summary>How long the lines of one HTTP/1 message may be. The defaults are those of Kestrel, just within, so that the guard answers.</summary>
public sealed record StrictnessLimits
{
    /// <summary>Bytes of a request line, without its line end.</summary>
    public int RequestLine { get; init; } = (8 * 1024) - 2;

    /// <summary>Bytes of all field lines of a head and of its trailers, with their line ends.</summary>
    public int Fields { get; init; } = 32 * 1024;

    /// <summary>Field lines in one head and its trailers.</summary>
    public int FieldCount { get; init; } = 100;

    /// <summary>Bytes of one chunk-size line with its extensions, without its line end.</summary>
    public int ChunkLine { get; init; } = 256;
}
