namespace Gatehouse.Wso2;

/// <summary>Bookkeeping of one YAML or JSON file: each member ends in the log once.</summary>
internal sealed class DataReader(ReadingLog log)
{
    private readonly HashSet<DataNode> _told = new(ReferenceEqualityComparer.Instance);

    public ReadingLog Log => log;

    public void Converted(DataNode? node, string path, string target, string? note = null) =>
        Tell(Outcome.Converted, node, path, target, note);

    public void NotNeeded(DataNode? node, string path, string why) => Tell(Outcome.NotNeeded, node, path, null, why);

    public void NeedsYou(DataNode? node, string path, string todo) => Tell(Outcome.NeedsYou, node, path, null, todo);

    public void Dangerous(DataNode? node, string path, string why, string? target = null) =>
        Tell(Outcome.Dangerous, node, path, target, why);

    public bool IsTold(DataNode node) => _told.Contains(node);

    private void Tell(Outcome outcome, DataNode? node, string path, string? target, string? note)
    {
        if (node is null || !_told.Add(node))
        {
            return;
        }

        log.Add(new Finding(outcome, node.Place, path, Shown(node, path), target, note));
    }

    private static string? Shown(DataNode node, string path) =>
        node switch
        {
            DataScalar { IsNull: false } when Secrets.IsSecret(path.Split('.', '/')[^1]) => Secrets.Mask,
            DataScalar { Value.Length: > 0 and <= 120, IsNull: false } scalar => scalar.Value.ReplaceLineEndings(" "),
            DataScalar { Value.Length: > 120 } scalar => scalar.Value[..117].ReplaceLineEndings(" ") + "...",
            DataList { All.Length: > 0 } list when list.All.All(i => i is DataScalar) => Cut(
                string.Join(", ", list.All.Select(i => i.Text))
            ),
            _ => null,
        };

    private static string Cut(string text) => text.Length <= 120 ? text : text[..117] + "...";
}
