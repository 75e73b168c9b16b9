using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Configuration;

/// <summary>Options of every command that starts or looks at a node on this machine: its data directory, file, and any setting.</summary>
internal static class NodeOptions
{
    /// <summary>The node's data directory.</summary>
    public static readonly Option<string?> Data = new("--data")
    {
        Description = $"Data directory of the node (default: {DataDirectory.DefaultInWords})",
        HelpName = "DIR",
    };

    /// <summary>The node's file.</summary>
    public static readonly Option<string?> Config = new("--config", "-c")
    {
        Description =
            "Configuration file (default: gatehouse.yaml in the data directory, then /etc/gatehouse/gatehouse.yaml)",
        HelpName = "FILE",
    };

    /// <summary>Any setting.</summary>
    public static readonly Option<string[]> Set = new("--set")
    {
        Description = "Set any key of the configuration, such as --set log.level=debug (may be given several times)",
        HelpName = "KEY=VALUE",
    };

    private static readonly Dictionary<Setting, Option> s_flags = SettingsTable
        .All.Where(s => s.Flag is not null)
        .ToDictionary(s => s, FlagOf);

    /// <summary>All of them; add them to the command with <c>With(NodeOptions.All)</c>.</summary>
    public static Symbol[] All { get; } = [Data, Config, Set, .. s_flags.Values];

    /// <summary>The data directory the command line, the environment or the user's account names. Not touched yet.</summary>
    public static string DataPath(Call call) =>
        Path.GetFullPath(
            call.Get(Data)
                ?? NullIfEmpty(call.Terminal.Environment("GATEHOUSE_DATA_DIR"))
                ?? (
                    call.Get(HomeOption.Home) is { } home
                        ? DataDirectory.OfHome(home, call.Terminal.Environment)
                        : DataDirectory.Default(call.Terminal.Environment)
                )
        );

    /// <summary>What the configuration is read from.</summary>
    public static ConfigurationSources Sources(Call call) =>
        new()
        {
            File = FilePath(call),
            Home = HomeOption.Source(call),
            Environment = [.. call.Terminal.EnvironmentVariables()],
            Flags = [.. Flags(call)],
            HostName = NameOf(DataPath(call)) ?? Environment.MachineName.ToLowerInvariant(),
            MayBindLowPorts = MayBindLowPorts(),
        };

    /// <summary>Reads the configuration; a <see cref="CommandFailure"/> lists every problem.</summary>
    public static NodeConfiguration Read(Call call) => Read(Sources(call));

    /// <inheritdoc cref="Read(Call)"/>
    public static NodeConfiguration Read(ConfigurationSources sources)
    {
        var (configuration, problems) = NodeConfiguration.Read(sources);
        return configuration
            ?? throw CommandFailure.Invalid(
                $"{problems.Length} problem{(problems.Length == 1 ? "" : "s")} in the configuration",
                problems
            );
    }

    // A node that joined has its name in its certificate: a file that does not say it means that one.
    private static string? NameOf(string dataDirectory)
    {
        try
        {
            using var identity = NodeIdentity.Load(dataDirectory);
            return identity?.Node;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // Whoever needs the identity says what is wrong with it.
            return null;
        }
    }

    private static string? FilePath(Call call)
    {
        if (call.Get(Config) is { } given)
        {
            return given;
        }

        if (NullIfEmpty(call.Terminal.Environment("GATEHOUSE_CONFIG")) is { } fromEnvironment)
        {
            return fromEnvironment;
        }

        var beside = Path.Combine(DataPath(call), DataDirectory.ConfigurationFileName);
        if (File.Exists(beside))
        {
            return beside;
        }

        // A data directory of its own makes a second node of this machine; the machine's file is not meant for it.
        const string Machine = "/etc/gatehouse/gatehouse.yaml";
        return call.Get(Data) is null && call.Get(HomeOption.Home) is null && File.Exists(Machine) ? Machine : null;
    }

    private static IEnumerable<FlagValue> Flags(Call call)
    {
        foreach (var text in call.Get(Set) ?? [])
        {
            var equals = text.IndexOf('=');
            yield return equals > 0
                ? new FlagValue($"--set {text[..equals]}", text[..equals].Trim(), text[(equals + 1)..])
                : throw new CommandFailure(
                    ExitCode.Usage,
                    $"'--set {text}' has no value",
                    fix: "write --set KEY=VALUE, such as --set log.level=debug"
                );
        }

        foreach (var flag in HomeOption.Flags(call))
        {
            yield return flag;
        }

        foreach (var (setting, option) in s_flags)
        {
            if (option is Option<bool> off && call.Arguments.GetValue(off))
            {
                yield return new FlagValue(setting.Flag!, setting.Key, "false");
            }
            else if (option is Option<string?> value && call.Arguments.GetValue(value) is { } text)
            {
                yield return new FlagValue(setting.Flag!, setting.Key, text);
            }
        }
    }

    private static Option FlagOf(Setting setting) =>
        setting.Flag!.StartsWith("--no-", StringComparison.Ordinal)
            ? new Option<bool>(setting.Flag) { Description = $"Set {setting.Key} to false" }
            : new Option<string?>(setting.Flag)
            {
                Description = $"Set {setting.Key}",
                HelpName = setting.KindName.Contains(" or ", StringComparison.Ordinal)
                    ? setting.KindName.Replace(" or ", "|", StringComparison.Ordinal)
                    : setting.KindName.Split(' ')[^1].ToUpperInvariant(),
            };

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static bool MayBindLowPorts()
    {
        if (!OperatingSystem.IsLinux())
        {
            return Environment.IsPrivilegedProcess;
        }

        // Where the administrator lowered the bar (containers do), everybody may.
        const string Floor = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
        return Environment.IsPrivilegedProcess
            || HasBindCapability()
            || (File.Exists(Floor) && int.TryParse(File.ReadAllText(Floor), out var floor) && floor <= 80);
    }

    private static bool HasBindCapability()
    {
        const int NetBindService = 10;
        var line = File.ReadLines("/proc/self/status")
            .FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        return line is not null
            && ulong.TryParse(
                line["CapEff:".Length..].Trim(),
                System.Globalization.NumberStyles.HexNumber,
                System.Globalization.CultureInfo.InvariantCulture,
                out var capabilities
            )
            && (capabilities >> NetBindService & 1) == 1;
    }
}
