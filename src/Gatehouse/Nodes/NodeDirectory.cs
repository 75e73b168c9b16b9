using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Nodes;

/// <summary>The registered nodes as the feed tells them: where managers are, who may lend a store, what the public hosts are.</summary>
internal sealed class NodeDirectory : IEntityTarget
{
    /// <summary>The newest directory.</summary>
    public Latest<Snapshot> Current { get; } = new(new([], new PublicHosts()));

    /// <summary>Takes the nodes as the catalogue has them, on a manager that follows no feed.</summary>
    public void Read(IEnumerable<Node> nodes) => Current.Set(new(nodes, Current.Value.Hosts));

    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace)
    {
        var now = Current.Value;
        var nodes = replace ? ImmutableSortedDictionary<string, Node>.Empty : now.Nodes;
        var hosts = replace ? new PublicHosts() : now.Hosts;
        var refusals = ImmutableArray.CreateBuilder<Refusal>();
        foreach (var change in changes)
        {
            try
            {
                switch (change.Kind)
                {
                    case EntityKinds.Node when change.Deleted:
                        nodes = nodes.Remove(change.Name);
                        break;
                    case EntityKinds.Node:
                        nodes = nodes.SetItem(
                            change.Name,
                            JsonSerializer.Deserialize(change.Payload.Span, ModelJson.Default.Node)!
                        );
                        break;
                    case EntityKinds.Hosts:
                        hosts = change.Deleted
                            ? new PublicHosts()
                            : JsonSerializer.Deserialize(change.Payload.Span, ModelJson.Default.PublicHosts)!;
                        break;
                    default:
                        break;
                }
            }
            catch (JsonException e)
            {
                refusals.Add(
                    new(
                        change.Kind,
                        change.Name,
                        change.Epoch,
                        "",
                        $"cannot be read: {e.Message}; is the manager of another version?"
                    )
                );
            }
        }

        return new Prepared(this, new(nodes, hosts), refusals.ToImmutable());
    }

    /// <summary>Every node, and the public hosts.</summary>
    public sealed record Snapshot(ImmutableSortedDictionary<string, Node> Nodes, PublicHosts Hosts)
    {
        public Snapshot(IEnumerable<Node> nodes, PublicHosts hosts)
            : this(nodes.ToImmutableSortedDictionary(node => node.Name, node => node, StringComparer.Ordinal), hosts)
        { }

        /// <summary><c>host:port</c> of every manager's 7443.</summary>
        public IEnumerable<string> Managers => Nodes.Values.Where(node => node.Profile.IsManager()).Select(Address);

        /// <summary><c>host:port</c> of every worker's 7443 but <paramref name="self"/>'s.</summary>
        public IEnumerable<string> Lenders(string self) =>
            Nodes.Values.Where(node => node.Profile == Profile.GatewayWorker && node.Name != self).Select(Address);

        private static string Address(Node node) =>
            $"{(node.Host.Contains(':') ? $"[{node.Host}]" : node.Host)}:{node.InternalPort}";
    }

    private sealed class Prepared(NodeDirectory directory, Snapshot next, ImmutableArray<Refusal> refusals)
        : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals => refusals;

        public void Publish() => directory.Current.Set(next);
    }
}
