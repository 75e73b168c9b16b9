using System.CommandLine;

namespace Gatehouse.Commands;

/// <summary>Commands for who runs the cluster, in the order help shows them.</summary>
internal static class OperatorCommands
{
    public static IEnumerable<Command> Create() =>
        [
            DemoCommand.Create(),
            InitCommand.Create(),
            JoinCommand.Create(),
            RunCommand.Create(),
            StatusCommand.Create(),
            NodeCommands.Create(),
            EnvironmentCommands.Create(),
            ClusterCommands.Create(),
            TokenCommands.Create(),
            TraceCommands.Create(),
            WhyCommand.Create(),
            .. LoginCommands.Create(),
            UserCommands.Create(),
            AlertCommands.Create(),
            MailCommands.Create(),
            ConfigCommands.Create(),
            ReloadCommand.Create(),
            SetupCommand.Create(),
            ImportCommands.Create(),
            BackupCommands.Create(),
            AuditCommands.Create(),
            EventsCommand.Create(),
            LbCommands.Create(),
            CertCommands.Create(),
            VersionCommand.Create(),
        ];
}
