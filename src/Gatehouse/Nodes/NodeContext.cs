using Gatehouse.Configuration;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Gateway;
using Gatehouse.Management;
using Gatehouse.Model;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>What every part of one running node is given.</summary>
internal sealed class NodeContext
{
    private readonly Lazy<AssertionKey> _assertions;
    private NodeSettings _settings;

    public NodeContext(
        string dataDirectory,
        NodeSettings settings,
        NodeIdentity identity,
        ILoggerFactory logs,
        TimeProvider time
    )
    {
        _settings = settings;
        DataDirectory = dataDirectory;
        _assertions = new(() => AssertionKey.LoadOrCreate(dataDirectory));
        Identity = identity;
        Logs = logs;
        Time = time;
        Verification = new(
            identity.Cluster,
            () => identity.Authorities,
            Denied,
            time,
            logs.CreateLogger<PeerVerification>()
        );
        Channel = new(identity, Verification);
        Certificates = new(identity);
        Tls = new(Certificates);
        Host =
            settings.Node.Advertise
            ?? (
                identity.Profile.IsManager()
                    ? LocalAddress.OfThisMachine()
                    : LocalAddress.TowardsAny(identity.Facts.Managers)
            );
    }

    public string DataDirectory { get; }

    public NodeIdentity Identity { get; }

    public ILoggerFactory Logs { get; }

    public TimeProvider Time { get; }

    /// <summary>Certificates taken out of service, from the feed or the catalogue.</summary>
    public DenyList Denied { get; } = new();

    /// <summary>The registered nodes, from the feed or the catalogue.</summary>
    public NodeDirectory Directory { get; } = new();

    public PeerVerification Verification { get; }

    /// <summary>The way to other nodes' 7443.</summary>
    public InternalChannel Channel { get; }

    public PublicCertificates Certificates { get; }

    /// <summary>How the public TLS ports meet their callers.</summary>
    public PublicTls Tls { get; }

    /// <summary>The plug-ins of the folder that <c>plugins</c> names, once <see cref="LoadPlugins"/> has run.</summary>
    public PluginSet Plugins { get; private set; } = PluginSet.None;

    /// <summary>
    /// Loads them, before anything that asks for policies. A balancer has no policies and loads none. What cannot be loaded is
    /// among their problems, and the node starts without it.
    /// </summary>
    public void LoadPlugins()
    {
        if (Settings.Plugins is { } folder && Identity.Profile != Profile.LoadBalancer)
        {
            Plugins = PluginSet.Load(folder);
            PolicyKinds.Add(Plugins.Kinds);
        }
    }

    public DateTimeOffset StartedAt { get; } = DateTimeOffset.UtcNow;

    /// <summary>Host name or address the others reach this node on.</summary>
    public string Host { get; }

    /// <summary>The settings in force; a reload replaces them.</summary>
    public NodeSettings Settings
    {
        get => Volatile.Read(ref _settings);
        set => Volatile.Write(ref _settings, value);
    }

    /// <summary>What this node says of itself to a manager that asks.</summary>
    public Func<NodeInspection> Inspection { get; set; } = () => new([], [], 0);

    /// <summary>What this node signs backend JWTs with; only a worker does.</summary>
    public AssertionKey Assertions => _assertions.Value;

    /// <summary>What this node tells the others about itself.</summary>
    public NodeFacts Facts()
    {
        var settings = Settings;
        var facts = new NodeFacts
        {
            Host = Host,
            InternalPort = settings.Listen.Internal.Port,
            SubDomain = settings.Node.SubDomain,
        };
        foreach (var listener in PublicListeners.Of(this))
        {
            facts.Ports[listener.Name] = listener.EndPoint.Port;
        }

        facts.Properties.Add(settings.Node.Properties);
        facts.Environments.Add(settings.Node.Environments);
        if (Identity.Profile.IsWorker())
        {
            facts.AssertionKey = ByteString.CopyFrom(Assertions.PublicHalf.Span);
        }

        return facts;
    }
}
