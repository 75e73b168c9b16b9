using System.Text.Json;

namespace Gatehouse.Cluster.Joining;

/// <summary>
/// Who was in the cluster when this node last was. Tells a return from a cold start (R3), and lets a node find the
/// others when no well-known member is there. A hint: lost or damaged, the node starts cold.
/// </summary>
internal sealed class RememberedMembers(string? file)
{
    private const int Max = 1024;
    private HashSet<MemberAddress> _members = Load(file);

    /// <summary>The others; empty on a cold start.</summary>
    public IReadOnlyCollection<MemberAddress> Others => _members;

    /// <summary>Replaces them while all is well; while somebody is unreachable only adds, since the side that is cut off sees the others vanish just before it goes itself.</summary>
    public void Remember(IEnumerable<MemberAddress> others, bool allReachable)
    {
        var next = others.Take(Max).ToHashSet();
        if (!allReachable)
        {
            next.UnionWith(_members);
        }

        if (!next.SetEquals(_members))
        {
            _members = next;
            Save();
        }
    }

    private void Save()
    {
        if (file is null)
        {
            return;
        }

        try
        {
            var temporary = file + ".new";
            File.WriteAllText(
                temporary,
                JsonSerializer.Serialize(
                    [.. _members.Order().Select(m => m.ToString())],
                    RememberedJson.Default.StringArray
                )
            );
            File.Move(temporary, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A hint only; a full disk must not touch membership.
        }
    }

    private static HashSet<MemberAddress> Load(string? file)
    {
        try
        {
            if (file is null || !File.Exists(file) || new FileInfo(file).Length > 256 * 1024)
            {
                return [];
            }

            var lines = JsonSerializer.Deserialize(File.ReadAllText(file), RememberedJson.Default.StringArray) ?? [];
            return [.. lines.Select(Parse).OfType<MemberAddress>().Take(Max)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return [];
        }
    }

    private static MemberAddress? Parse(string? line)
    {
        if (line is null)
        {
            return null;
        }

        var colon = line.LastIndexOf(':');
        return
            colon > 0
            && int.TryParse(line.AsSpan(colon + 1), out var port)
            && port is > 0 and < 65536
            && Uri.CheckHostName(line[..colon].Trim('[', ']')) != UriHostNameType.Unknown
            ? new MemberAddress(line[..colon].Trim('[', ']'), port)
            : null;
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string[]))]
internal sealed partial class RememberedJson : System.Text.Json.Serialization.JsonSerializerContext;
