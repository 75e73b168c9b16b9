using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Configuration;

/// <summary>
/// The first <c>gatehouse.yaml</c> of a node: what <c>init</c> and <c>join</c> were told and decided, so that a restart needs
/// no flags. From then on the file is the operator's; nothing writes to it again.
/// </summary>
internal static class NodeFile
{
    /// <summary>The values that flags of this command line set.</summary>
    public static IEnumerable<(Setting Setting, JsonNode? Value)> FromFlags(NodeConfiguration configuration) =>
        configuration
            .Values.Where(value => value.Origin.Kind == OriginKind.Flag)
            .Select(value => (value.Setting, value.Written));

    /// <summary>Writes the file unless there is one.</summary>
    public static void WriteOnce(DataDirectory data, IEnumerable<(Setting Setting, JsonNode? Value)> values)
    {
        var path = Path.Combine(data.Path, DataDirectory.ConfigurationFileName);
        if (File.Exists(path))
        {
            return;
        }

        var root = new JsonObject();
        foreach (var (setting, value) in values.DistinctBy(value => value.Setting))
        {
            var section = root;
            var names = setting.Key.Split('.');
            foreach (var name in names[..^1])
            {
                section[name] ??= new JsonObject();
                section = (JsonObject)section[name]!;
            }

            section[names[^1]] = value?.DeepClone();
        }

        const string Head =
            "# Every key, its default and meaning: gatehouse config show, docs/reference/configuration.md\n";
        DurableFile.Write(path, System.Text.Encoding.UTF8.GetBytes(Head + YamlText.Of(root)));
    }
}
