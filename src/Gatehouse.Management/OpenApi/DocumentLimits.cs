namespace Gatehouse.Management.OpenApi;

/// <summary>
/// What a document may cost. Generous for real ones (a 10 MB document has some 500 000 values, nested 20 deep) and small
/// enough that no document can hurt the manager.
/// </summary>
public static class DocumentLimits
{
    /// <summary>Bytes of text: 20 MiB.</summary>
    public const int MaxBytes = 20 << 20;

    /// <summary>Values, each YAML alias counted as often as it is used, which is what stops alias bombs.</summary>
    public const int MaxNodes = 2_000_000;

    /// <summary>Objects and arrays inside each other.</summary>
    public const int MaxDepth = 100;

    /// <summary>Characters of a name or of a scalar that means anything to us; longer ones are shortened in messages.</summary>
    internal const int MaxShown = 80;

    /// <summary>Problems listed; beyond them only their number is told.</summary>
    internal const int MaxProblems = 100;
}
