using System.Globalization;

namespace Gatehouse.Management.OpenApi;

/// <summary>RFC 6901.</summary>
internal static class JsonPointer
{
    public static string Escape(string name) =>
        Excerpt.Of(name).Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    /// <summary>The node that <paramref name="pointer"/> (without the <c>#</c>) leads to; null when there is none.</summary>
    public static DocumentNode? Find(DocumentNode root, string pointer)
    {
        var node = root;
        foreach (var part in pointer.Split('/').Skip(1))
        {
            var name = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            node = node.Kind switch
            {
                NodeKind.Object => node[name],
                NodeKind.Array
                    when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var i)
                        && i < node.Items.Count => node.Items[i],
                _ => null,
            };
            if (node is null)
            {
                return null;
            }
        }

        return node;
    }
}
