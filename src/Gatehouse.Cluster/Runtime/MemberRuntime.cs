using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Remote.Transport.DotNetty;
using Gatehouse.Cluster.Joining;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// One life of the actor system (R1). It may end by itself at any time, for a handshake that failed or because the
/// others gave it up; <see cref="Membership"/> then makes the next.
/// </summary>
internal sealed class MemberRuntime
{
    /// <summary>How long leaving may take.</summary>
    public static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(3);
    private static readonly RuntimeState s_outside = new(null, [], AllReachable: true);

    private readonly RuntimeHooks _hooks;
    private readonly TaskCompletionSource _member = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Akka.Cluster.Cluster _cluster;
    private RuntimeState _state = s_outside;

    private MemberRuntime(
        ActorSystem system,
        MembershipSettings settings,
        MemberAddress self,
        MemberCard card,
        RuntimeHooks hooks,
        MemberTable table,
        TimeProvider time
    )
    {
        System = system;
        Self = self;
        Card = card;
        Table = table;
        Time = time;
        Domain = settings.Domain;
        DomainRole = AkkaConfiguration.DomainRole(settings.Domain);
        _hooks = hooks;
        _cluster = Akka.Cluster.Cluster.Get(system);
        system.ActorOf(Props.Create(() => new MemberActor(this)), MemberActor.Name);
    }

    public ActorSystem System { get; }

    public MemberAddress Self { get; }

    public long Uid => _cluster.SelfUniqueAddress.Uid;

    public MemberCard Card { get; }

    public MemberTable Table { get; }

    public TimeProvider Time { get; }

    public string Domain { get; }

    public string DomainRole { get; }

    /// <summary>This node is one of the well-known members; found out by meeting itself at one of their addresses.</summary>
    public bool Listed { get; set; }

    public RuntimeState State => Volatile.Read(ref _state);

    /// <summary>Completes when the actor system is down, for whatever reason.</summary>
    public Task Ended => System.WhenTerminated;

    /// <summary>Completes when this node is a member.</summary>
    public Task Member => _member.Task;

    /// <summary>Starts an actor system that listens and is in no cluster. Blocks until it listens; throws when it cannot.</summary>
    public static MemberRuntime Start(
        MembershipSettings settings,
        X509Certificate2 certificate,
        string bindHost,
        int port,
        MemberCard card,
        RuntimeHooks hooks,
        MemberTable table,
        TimeProvider time,
        ILogger log
    )
    {
        var configuration = AkkaConfiguration
            .For(settings, bindHost, port, log.IsEnabled(LogLevel.Trace))
            .WithFallback(ConfigurationFactory.Default());
        var tls = new DotNettySslSetup(
            certificate,
            suppressValidation: false,
            requireMutualAuthentication: true,
            validateCertificateHostname: false,
            customValidator: (peer, _, address, _, _) => hooks.Judge(peer, address)
        );
        var system = ActorSystem.Create(
            AkkaConfiguration.SystemName,
            ActorSystemSetup.Create(
                BootstrapSetup.Create().WithConfig(configuration),
                tls,
                new AkkaLogSetup(log, hooks.Rejected)
            )
        );
        var self = new MemberAddress(settings.LocalMemberHost.Trim('[', ']').ToLowerInvariant(), port);
        return new MemberRuntime(system, settings, self, card, hooks, table, time);
    }

    /// <summary>Asks who listens there. Null when nobody answers to this address.</summary>
    public async Task<Hello?> AskAsync(MemberAddress address, CancellationToken cancellation)
    {
        try
        {
            var answer = await System
                .ActorSelection(new RootActorPath(AkkaAddress(address)) / "user" / MemberActor.Name)
                .Ask<byte[]>(Message(MessageKind.Hello).ToBytes(), s_answerTimeout, cancellation)
                .ConfigureAwait(false);
            return MemberMessage.Read(answer) is { Kind: MessageKind.Welcome } welcome ? welcome.From : null;
        }
        catch (AskTimeoutException)
        {
            return null;
        }
    }

    /// <summary>Joins the cluster that these are members of.</summary>
    public void Join(IEnumerable<MemberAddress> through) =>
        _cluster.JoinSeedNodes(through.Select(AkkaAddress).ToImmutableList());

    /// <summary>Forms a cluster of this node alone.</summary>
    public void Form() => _cluster.Join(_cluster.SelfAddress);

    /// <summary>Leaves, if a member, and takes the system down. Does not throw; true when it is down within the time.</summary>
    public async Task<bool> StopAsync()
    {
        var down = State.Claim is null
            ? System.Terminate()
            : CoordinatedShutdown.Get(System).Run(CoordinatedShutdown.ActorSystemTerminateReason.Instance);
        await Task.WhenAny(Task.WhenAll(down, Ended), Task.Delay(LeaveTimeout, TimeProvider.System))
            .ConfigureAwait(false);
        if (!Ended.IsCompleted)
        {
            _ = System.Terminate();
        }

        return Ended.IsCompleted;
    }

    public MemberMessage Message(MessageKind kind) =>
        new()
        {
            Kind = kind,
            From = new Hello
            {
                Domain = Domain,
                Node = Card.Node,
                Host = Self.Host,
                Port = Self.Port,
                Uid = Uid,
                Listed = Listed,
                Cluster = State.Claim,
            },
            Card = kind == MessageKind.Card ? Card : null,
        };

    public void OnChange(RuntimeState state)
    {
        Volatile.Write(ref _state, state);
        if (state.Claim is not null)
        {
            _member.TrySetResult();
        }

        _hooks.Changed(state);
    }

    public void OnHello(Hello from) => _hooks.Met(from);

    public void OnForeignMember(MemberAddress address) => _hooks.ForeignMember(address);

    private static Address AkkaAddress(MemberAddress address) =>
        new("akka.ssl.tcp", AkkaConfiguration.SystemName, address.Host, address.Port);
}

/// <summary>Where this node stands in Akka's membership.</summary>
/// <param name="Claim">The cluster it is a member of; null outside of one.</param>
/// <param name="Members">Everyone in it, this node included.</param>
/// <param name="AllReachable">Nobody in it is unreachable.</param>
internal sealed record RuntimeState(ClusterClaim? Claim, ImmutableHashSet<MemberAddress> Members, bool AllReachable);

/// <summary>What a runtime tells its owner, on any thread.</summary>
internal sealed record RuntimeHooks
{
    /// <summary>The membership changed.</summary>
    public required Action<RuntimeState> Changed { get; init; }

    /// <summary>A node said hello, of whatever domain.</summary>
    public required Action<Hello> Met { get; init; }

    /// <summary>A member of another domain got in and is put out.</summary>
    public required Action<MemberAddress> ForeignMember { get; init; }

    /// <summary>An incoming connection from there failed its handshake.</summary>
    public required Action<string> Rejected { get; init; }

    /// <summary>Whether the holder of a certificate, or of none, may connect.</summary>
    public required Func<X509Certificate2?, string, bool> Judge { get; init; }
}
