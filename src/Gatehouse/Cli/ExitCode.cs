namespace Gatehouse.Cli;

/// <summary>What a command's exit status tells a script. Never renumbered.</summary>
internal enum ExitCode
{
    /// <summary>Done, or nothing to change.</summary>
    Done = 0,

    /// <summary>Failed for a reason none of the others names.</summary>
    Failed = 1,

    /// <summary>Wrong usage of the command line.</summary>
    Usage = 2,

    /// <summary>Invalid configuration or API definition.</summary>
    Invalid = 3,

    /// <summary>Cannot reach the manager or the node.</summary>
    Unreachable = 4,

    /// <summary>Not signed in, or not allowed.</summary>
    NotAllowed = 5,

    /// <summary>No such thing.</summary>
    NotFound = 6,

    /// <summary>Changed by someone else, or the name is taken.</summary>
    Conflict = 7,

    /// <summary>Timed out while waiting.</summary>
    TimedOut = 8,

    /// <summary>Partly done: some nodes failed.</summary>
    Partly = 9,

    /// <summary>Changes are pending.</summary>
    Pending = 10,

    /// <summary>Interrupted by the user.</summary>
    Interrupted = 130,
}
