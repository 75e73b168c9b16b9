using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>
/// <c>--wso2-home DIR</c> and the switches of WSO2's <c>wso2server.sh</c>, for a node that is described by the files of its old
/// installation.
/// </summary>
internal static class HomeOption
{
    /// <summary>The old node's directory.</summary>
    public static readonly Option<string?> Home = new("--wso2-home")
    {
        Description = "Run the node that this WSO2 home describes, from its files as they are",
        HelpName = "DIR",
    };

    private static readonly Option<string?> s_profile = new("-Dprofile")
    {
        Description = "With --wso2-home: the profile, by its old name (default: everything in one)",
        HelpName = "PROFILE",
    };

    private static readonly Option<string?> s_offset = new("-DportOffset")
    {
        Description = "With --wso2-home: the port offset, in place of carbon.xml's",
        HelpName = "N",
    };

    private static readonly Option<bool> s_setup = new("-Dsetup")
    {
        Description = "With --wso2-home: create what is missing, which a start does anyway",
    };

    private static readonly Option<string?> s_worker = new("-DworkerNode")
    {
        Description = "With --wso2-home: true for a worker",
        HelpName = "true|false",
    };

    /// <summary>All of them.</summary>
    public static Symbol[] All { get; } = [Home, s_profile, s_offset, s_setup, s_worker];

    /// <summary>The home and what its start command says; null without one.</summary>
    public static HomeSource? Source(Call call)
    {
        if (call.Get(Home) is not { } home)
        {
            return All.Skip(1).OfType<Option>().FirstOrDefault(option => IsGiven(call, option)) is { } lonely
                ? throw new CommandFailure(
                    ExitCode.Usage,
                    $"{lonely.Name} is of WSO2's start command and needs --wso2-home DIR",
                    fix: "name the home, or use --profile and --port-offset"
                )
                : null;
        }

        return new HomeSource(
            Path.GetFullPath(home),
            ProfileOf(call) is Profile.GatewayWorker,
            int.TryParse(call.Get(s_offset), out var offset) ? offset : null
        );
    }

    /// <summary>What the old switches set.</summary>
    public static IEnumerable<FlagValue> Flags(Call call)
    {
        if (call.Get(Home) is null)
        {
            yield break;
        }

        yield return new FlagValue(
            call.Get(s_profile) is null && !IsWorker(call) ? "--wso2-home" : "-Dprofile",
            SettingsTable.Profile.Key,
            ProfileOf(call).Name()
        );
        if (call.Get(s_offset) is { } offset)
        {
            yield return new FlagValue("-DportOffset", SettingsTable.PortOffset.Key, offset);
        }
    }

    private static bool IsWorker(Call call) =>
        string.Equals(call.Get(s_worker), "true", StringComparison.OrdinalIgnoreCase);

    // WSO2's start without a profile runs everything; -DworkerNode=true alone meant the profile "worker".
    private static Profile ProfileOf(Call call)
    {
        var name = call.Get(s_profile) switch
        {
            null or "" when IsWorker(call) => "gateway-worker",
            null or "" or "default" or "all" => "all-in-one",
            "worker" => "gateway-worker",
            "api-store" => "api-devportal",
            var other => other,
        };
        return Profiles.TryParse(name, out var profile)
            ? profile
            : throw new CommandFailure(
                ExitCode.Usage,
                $"'{name}' is not a profile of this build",
                "-Dprofile",
                $"use one of {string.Join(", ", Profiles.Names)}; without -Dprofile the node runs everything"
            );
    }

    private static bool IsGiven(Call call, Option option) => call.Arguments.GetResult(option) is { Implicit: false };
}

/// <summary>An old node's directory and what its start command says.</summary>
/// <param name="Directory">Absolute.</param>
/// <param name="IsWorker">It serves API traffic only.</param>
/// <param name="PortOffset"><c>-DportOffset</c>.</param>
internal sealed record HomeSource(string Directory, bool IsWorker, int? PortOffset)
{
    /// <summary>Reads the home's files.</summary>
    public Wso2.Home Read() => Wso2.Home.Read(Directory, new() { IsWorker = IsWorker, PortOffset = PortOffset });
}
