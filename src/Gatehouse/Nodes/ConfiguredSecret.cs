using System.Text;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Nodes;

/// <summary>A secret that the configuration names: from the environment, a file, or a systemd credential.</summary>
internal static class ConfiguredSecret
{
    /// <summary>The secret; null when there is none. Throws when a file that is named cannot be read or others can read it too.</summary>
    /// <param name="given">From the environment; null for none.</param>
    /// <param name="file">File whose first line it is; null for the credential.</param>
    /// <param name="credential">The credential's name (systemd's <c>LoadCredential=</c>).</param>
    public static string? Read(string? given, string? file, string credential)
    {
        if (given is not null)
        {
            return given;
        }

        var folder = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY");
        var passed = string.IsNullOrEmpty(folder) ? null : Path.Combine(folder, credential);
        var path = file ?? (File.Exists(passed) ? passed : null);
        return path is null
            ? null
            : Encoding.UTF8.GetString(DurableFile.ReadSecret(path, groupMayRead: true)).Split('\n')[0].TrimEnd('\r');
    }
}
