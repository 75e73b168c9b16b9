using System.Collections.Immutable;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Routing;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Gateway;

/// <summary>What a worker serves: APIs, and who may call them.</summary>
public sealed class GatewayTable : IEntityTarget, IRequestTable, IAsyncDisposable
{
    private readonly ApiCompiler _compiler;
    private readonly IssuerWatch _issuers;
    private readonly string _node;
    private readonly SecretSeal? _secrets;
    private readonly TimeProvider _time;
    private volatile GatewaySnapshot _current;

    /// <summary>An empty table.</summary>
    public GatewayTable(GatewayOptions options, TimeProvider time, ILoggerFactory? logs = null)
    {
        logs ??= NullLoggerFactory.Instance;
        _issuers = new(options.BackendTls, time, logs);
        var settings = new UpstreamSettings
        {
            ConnectTimeout = TimeSpan.Zero,
            ConnectionsPerTarget = options.ConnectionsPerBackend,
            Timeouts = options.Timeouts,
            BackendTls = options.BackendTls,
            RuntimeClientOnly = options.RuntimeClientOnly,
            StillAdmitted = exchange => Admission.StillHolds(exchange, this, time),
        };
        _compiler = new(options, new(settings, time), _issuers.Verifier, time, logs.CreateLogger<ApiCompiler>());
        _node = options.Node;
        _secrets = options.Secrets;
        _time = time;
        var keyManager = options.ManagerTls is { } tls
            ? new KeyManagerRoute(
                new()
                {
                    Name = "key-manager",
                    Upstream = new HttpUpstream(
                        settings with
                        {
                            NodeTls = tls,
                            ConnectTimeout = TimeSpan.FromSeconds(2),
                            StillAdmitted = static _ => true,
                        }
                    ),
                    Sticky = null,
                    ServerName = options.Node,
                    Timeouts = options.Timeouts,
                    Time = time,
                    AccessLog = options.AccessLog,
                    ErrorLog = options.ErrorLog,
                }
            )
            : null;
        _current = new(ApiCatalog.Empty, ConsumerDirectory.Empty, new(new(options.LimitCounters), new()), keyManager);
    }

    /// <summary>How many APIs are served.</summary>
    public int Apis => _current.Apis.Count;

    /// <summary>
    /// True for a node that joined this moment: others have granted from under limits before it was there, so it begins with
    /// nothing of them. A node that starts from its own store was counted all along.
    /// </summary>
    public bool IsNewcomer { get; set; }

    /// <summary>
    /// True when a caller that asks for <paramref name="serverName"/> in its handshake may be on its way to an API that takes
    /// client certificates; null for one that asks for no name.
    /// </summary>
    public bool TakesCertificates(string? serverName)
    {
        Span<char> host = stackalloc char[HostName.Longest];
        return _current.Apis.TakesCertificates(host[..HostName.Read(serverName ?? "", host)]);
    }

    /// <summary>How many operations they have together.</summary>
    public int Operations => _current.Apis.Operations;

    /// <summary>How many APIs were compiled so far; a change among thousands adds one.</summary>
    public long Compilations => _compiler.Compilations;

    TableSnapshot IRequestTable.Current => _current;

    /// <summary>Stops what goes on beside the requests.</summary>
    public ValueTask DisposeAsync() => _issuers.DisposeAsync();

    /// <inheritdoc/>
    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace)
    {
        var refusals = new List<Refusal>();
        var apis = changes.Where(c => c.Kind == EntityKinds.Api).ToList();
        var next = new GatewaySnapshot(
            apis.Count == 0 && !replace ? _current.Apis : _current.Apis.After(apis, replace, _compiler, refusals),
            new ConsumerChanges(_current.Consumers, replace, _secrets, refusals).Apply(changes),
            new LimitChanges(_current.Limits, replace, _node, IsNewcomer, _time, refusals).Apply(changes),
            _current.KeyManager?.After(changes, replace)
        );
        return new Prepared(this, next, [.. refusals]);
    }

    private sealed class Prepared(GatewayTable table, GatewaySnapshot next, ImmutableArray<Refusal> refusals)
        : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals { get; } = refusals;

        public void Publish()
        {
            table._current = next;
            table._issuers.Follow(next.Consumers.Issuers);
        }
    }
}
