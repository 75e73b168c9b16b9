using System.Text.RegularExpressions;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// The spelling of cluster and node names. Narrow, because they stand in certificates, URIs, file names and host names, and
/// two spellings of one name would be two identities.
/// </summary>
public static partial class NodeNames
{
    /// <summary>True for 1 to 63 lower-case letters, digits, dots and dashes that begin and end with a letter or digit.</summary>
    public static bool IsValid(string? name) => name is not null && Pattern().IsMatch(name);

    /// <summary>Throws <see cref="ArgumentException"/> with the rule when <paramref name="name"/> breaks it.</summary>
    public static void Check(string name, string what)
    {
        if (!IsValid(name))
        {
            throw new ArgumentException(
                $"'{name}' cannot be {what}: use 1 to 63 lower-case letters, digits, dots and dashes, "
                    + "beginning and ending with a letter or digit."
            );
        }
    }

    [GeneratedRegex(@"\A[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?\z")]
    private static partial Regex Pattern();
}
