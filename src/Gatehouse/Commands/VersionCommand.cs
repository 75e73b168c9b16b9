using System.CommandLine;
using System.Reflection;
using Gatehouse.Cli;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse version</c>.</summary>
internal static class VersionCommand
{
    /// <summary>This build's version.</summary>
    public static string Current { get; } =
        typeof(VersionCommand)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion;

    public static Command Create() =>
        new Command("version", "Print the version of this command").Does(
            (call, _) =>
            {
                call.Output.Item(
                    "Version",
                    new { version = Current, runtime = Environment.Version.ToString() },
                    ("gatehouse", Current),
                    (".NET", Environment.Version.ToString())
                );
                return Task.CompletedTask;
            }
        );
}
