using System.CommandLine;

namespace Gatehouse.Commands;

/// <summary>Commands for who publishes and calls APIs, in the order help shows them.</summary>
internal static class PublisherCommands
{
    public static IEnumerable<Command> Create() =>
        [
            ApiCommands.Create(),
            DocCommands.Create(),
            PolicyCommands.Create(),
            .. DeployCommands.Create(),
            RevisionCommands.Create(),
            AppCommands.Create(),
            SubCommands.Create(),
            KeyCommands.Create(),
            IssuerCommands.Create(),
            PlanCommands.Create(),
            LimitCommands.Create(),
            BlockCommands.Create(),
            UsageCommand.Create(),
            TaskCommands.Create(),
            .. GitOpsCommands.Create(),
            SampleBackendCommand.Create(),
        ];
}
