using System.CommandLine;

namespace Gatehouse.Commands;

/// <summary>Commands for who runs the cluster.</summary>
internal static class OperatorCommands
{
    public static IEnumerable<Command> Create() => [ConfigCommands.Create(), VersionCommand.Create()];
}
