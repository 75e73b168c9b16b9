namespace Gatehouse.Management;

/// <summary>What was asked for contradicts what there is. Becomes 409.</summary>
/// <param name="message">What contradicts what.</param>
/// <param name="fix">What to do about it.</param>
public sealed class ConflictException(string message, string? fix = null) : Exception(message)
{
    /// <summary>What to do about it.</summary>
    public string? Fix { get; } = fix;
}

/// <summary>Something that was named is not there. Becomes 404.</summary>
/// <param name="kind">What sort of thing, in words.</param>
/// <param name="name">The name given.</param>
public sealed class NotFoundException(string kind, string name) : Exception($"There is no {kind} '{name}'");
