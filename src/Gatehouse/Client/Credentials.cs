using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Cli;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Client;

/// <summary>
/// The clusters this user signed in to, in <c>$XDG_CONFIG_HOME/gatehouse/credentials.json</c> (0600 in a folder of 0700).
/// <c>init</c>, <c>demo</c> and <c>login</c> write it.
/// </summary>
internal sealed record Credentials
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyFolder = OwnerOnly | UnixFileMode.UserExecute;

    /// <summary>The cluster commands talk to when none is named.</summary>
    public string? Current { get; init; }

    /// <summary>Clusters by name.</summary>
    public ImmutableSortedDictionary<string, ManagerContext> Contexts { get; init; } =
        ImmutableSortedDictionary<string, ManagerContext>.Empty;

    /// <summary>Where this user's file lies.</summary>
    public static string PathFor(Terminal terminal)
    {
        if (terminal.Environment("XDG_CONFIG_HOME") is { Length: > 0 } home && Path.IsPathRooted(home))
        {
            return Path.Combine(home, "gatehouse", "credentials.json");
        }

        var user = terminal.Environment("HOME") is { Length: > 0 } directory
            ? directory
            : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Path.Combine(user, ".config", "gatehouse", "credentials.json");
    }

    /// <summary>Reads the file; empty when there is none. Refuses one that others can read, or that is damaged.</summary>
    public static Credentials Load(string path)
    {
        if (!File.Exists(path))
        {
            return new Credentials();
        }

        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~OwnerOnlyFolder) != 0)
        {
            throw new CommandFailure(
                ExitCode.NotAllowed,
                "the credentials file can be read by other users of this machine",
                path,
                $"chmod 600 {path}, then sign in again: the token may have been seen"
            );
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), CredentialsJson.Default.Credentials)
                ?? new Credentials();
        }
        catch (JsonException e)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                "the credentials file is damaged",
                e.LineNumber is { } line ? $"{path}:{line + 1}:{e.BytePositionInLine + 1}" : path,
                "remove it and sign in again with 'gatehouse login'",
                cause: e
            );
        }
    }

    /// <summary>With one cluster added or replaced, and made the current one.</summary>
    public Credentials With(string name, ManagerContext context) =>
        this with
        {
            Current = name,
            Contexts = Contexts.SetItem(name, context),
        };

    /// <summary>Without one cluster.</summary>
    public Credentials Without(string name) =>
        this with
        {
            Current = Current == name ? null : Current,
            Contexts = Contexts.Remove(name),
        };

    /// <summary>Writes the file whole or not at all.</summary>
    public void Save(string path)
    {
        DurableFile.CreateDirectory(Path.GetDirectoryName(path)!, secret: true);
        DurableFile.Write(
            path,
            JsonSerializer.SerializeToUtf8Bytes(this, CredentialsJson.Default.Credentials),
            secret: true
        );
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(Credentials))]
internal sealed partial class CredentialsJson : JsonSerializerContext;
