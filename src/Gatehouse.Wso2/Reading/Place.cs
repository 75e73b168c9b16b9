namespace Gatehouse.Wso2;

/// <summary>Where something stands in an old file.</summary>
/// <param name="File">The path as it was given.</param>
/// <param name="Line">1-based; 0 for the file as a whole.</param>
/// <param name="Column">1-based; 0 for the file as a whole.</param>
public sealed record Place(string File, int Line = 0, int Column = 0)
{
    /// <summary><c>file:line:column</c>.</summary>
    public override string ToString() => Line > 0 ? $"{File}:{Line}:{Column}" : File;
}
