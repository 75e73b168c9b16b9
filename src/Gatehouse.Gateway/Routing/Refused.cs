namespace Gatehouse.Gateway.Routing;

/// <summary>Leaves the compiler from any depth, as a refusal; never leaves <see cref="ApiCompiler"/>.</summary>
internal sealed class Refused(string field, string reason) : Exception(reason)
{
    /// <summary>JSON pointer to what is refused.</summary>
    public string Field { get; } = field;
}
