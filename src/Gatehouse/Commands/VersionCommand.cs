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
        new Command("version", "Print the version of this command, and of the manager that it talks to").Does(
            async (call, cancellation) =>
            {
                var (manager, why) = await OfManagerAsync(call, cancellation);
                call.Output.Item(
                    "Version",
                    new
                    {
                        version = Current,
                        runtime = Environment.Version.ToString(),
                        manager,
                    },
                    ("gatehouse", Current),
                    (".NET", Environment.Version.ToString()),
                    ("manager", manager ?? $"unknown: {why}")
                );
            }
        );

    // The version of this command is the answer; that no manager can be asked is no failure.
    private static async Task<(string? Version, string? Why)> OfManagerAsync(Call call, CancellationToken cancellation)
    {
        try
        {
            return (await call.Client.VersionAsync(cancellation), "it did not say");
        }
        catch (CommandFailure failure)
        {
            return (null, failure.Message);
        }
    }
}
