namespace Gatehouse.Gateway.Strictness;

/// <summary>What one API lets through in its paths as opaque data.</summary>
/// <param name="AllowEncodedSlash">An encoded slash or backslash (<c>%2f</c>, <c>%5c</c>) is data.</param>
/// <param name="AllowSemicolon">A semicolon, plain or encoded (<c>%3b</c>), is data.</param>
public readonly record struct PathRules(bool AllowEncodedSlash, bool AllowSemicolon)
{
    /// <summary>Neither is let through.</summary>
    public static PathRules Strict => default;
}
