using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Cli;

/// <summary>Ends a command with an exit code and a message for the user: what failed, where, and what to do about it.</summary>
internal sealed class CommandFailure(
    ExitCode code,
    string what,
    string? where = null,
    string? fix = null,
    ImmutableArray<Problem> problems = default,
    Exception? cause = null
) : Exception(what, cause)
{
    /// <summary>What to do about a file that is not there or cannot be read or written.</summary>
    public const string FileFix = "check the path and the rights on it";

    /// <summary>What the process exits with.</summary>
    public ExitCode Code => code;

    /// <summary>The place: a file, a URL, a node.</summary>
    public string? Where => where;

    /// <summary>What to do about it.</summary>
    public string? Fix => fix;

    /// <summary>The HTTP status, when it is a manager's answer.</summary>
    public int? Status { get; init; }

    /// <summary>Every single problem, when the input had several.</summary>
    public ImmutableArray<Problem> Problems { get; } = problems.IsDefault ? [] : problems;

    /// <summary>A failure that is a list of problems.</summary>
    public static CommandFailure Invalid(string what, ImmutableArray<Problem> problems) =>
        new(ExitCode.Invalid, what, problems: problems);
}
