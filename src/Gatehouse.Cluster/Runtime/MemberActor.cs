using Akka.Actor;
using Akka.Cluster;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// The one actor of a member: follows Akka's membership into the <see cref="MemberTable"/>, answers hellos, and trades
/// cards with the others.
/// </summary>
internal sealed class MemberActor : ReceiveActor, IWithTimers
{
    public const string Name = "member";

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly Akka.Cluster.Cluster _cluster = Akka.Cluster.Cluster.Get(Context.System);
    private readonly MemberRuntime _runtime;
    private readonly Dictionary<UniqueAddress, Member> _members = [];
    private readonly HashSet<UniqueAddress> _unreachable = [];

    public MemberActor(MemberRuntime runtime)
    {
        _runtime = runtime;
        Receive<ClusterEvent.CurrentClusterState>(state =>
        {
            foreach (var member in state.Members)
            {
                Take(member);
            }

            _unreachable.UnionWith(state.Unreachable.Select(m => m.UniqueAddress));
            Publish();
        });
        Receive<ClusterEvent.MemberRemoved>(OnRemoved);
        Receive<ClusterEvent.IMemberEvent>(e =>
        {
            Take(e.Member);
            Publish();
        });
        Receive<ClusterEvent.UnreachableMember>(e =>
        {
            _unreachable.Add(e.Member.UniqueAddress);
            Publish();
        });
        Receive<ClusterEvent.ReachableMember>(e =>
        {
            _unreachable.Remove(e.Member.UniqueAddress);
            Publish();
        });
        Receive<byte[]>(OnBytes);
        Receive<Tick>(_ => AskForCards());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static MemberAddress AddressOf(Member member) => new(member.Address.Host, member.Address.Port ?? 0);

    protected override void PreStart()
    {
        _cluster.Subscribe(
            Self,
            ClusterEvent.SubscriptionInitialStateMode.InitialStateAsSnapshot,
            typeof(ClusterEvent.IMemberEvent),
            typeof(ClusterEvent.IReachabilityEvent)
        );
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, s_tick);
    }

    protected override void PostStop() => _cluster.Unsubscribe(Self);

    private void Take(Member member)
    {
        if (!member.HasRole(_runtime.DomainRole))
        {
            PutOut(member);
            return;
        }

        var isNew = _members.TryAdd(member.UniqueAddress, member);
        _members[member.UniqueAddress] = member;
        if (isNew && member.UniqueAddress != _cluster.SelfUniqueAddress)
        {
            Send(member, MessageKind.Card);
        }
    }

    /// <summary>The second lock behind the hello: nobody of another domain stays, however it got in.</summary>
    private void PutOut(Member foreign)
    {
        _runtime.OnForeignMember(AddressOf(foreign));
        if (_runtime.State.Claim is not null)
        {
            _cluster.Down(foreign.Address);
        }
        else
        {
            Context.System.Terminate(); // this node is the one that came to the wrong place
        }
    }

    private void OnRemoved(ClusterEvent.MemberRemoved e)
    {
        // When this node goes, Akka reports everybody as removed; the others have gone nowhere.
        if (_cluster.IsTerminated)
        {
            return;
        }

        _members.Remove(e.Member.UniqueAddress);
        _unreachable.Remove(e.Member.UniqueAddress);
        var state = e.PreviousStatus == MemberStatus.Exiting ? MemberState.Left : MemberState.Gone;
        _runtime.Table.Set(AddressOf(e.Member), e.Member.UniqueAddress.Uid, state, _runtime.Time.GetUtcNow());
        Publish();
    }

    private void Publish()
    {
        var now = _runtime.Time.GetUtcNow();
        foreach (var member in _members.Values)
        {
            _runtime.Table.Set(AddressOf(member), member.UniqueAddress.Uid, StateOf(member), now);
        }

        if (_members.ContainsKey(_cluster.SelfUniqueAddress))
        {
            _runtime.Table.SetCard(_runtime.Self, _cluster.SelfUniqueAddress.Uid, _runtime.Card);
        }

        _runtime.OnChange(
            new RuntimeState(Claim(), [.. _members.Values.Select(AddressOf)], AllReachable: _unreachable.Count == 0)
        );
    }

    private MemberState StateOf(Member member) =>
        member.Status switch
        {
            MemberStatus.Leaving or MemberStatus.Exiting => MemberState.Leaving,
            MemberStatus.Down or MemberStatus.Removed => MemberState.Unreachable,
            _ when _unreachable.Contains(member.UniqueAddress) => MemberState.Unreachable,
            MemberStatus.Up => MemberState.Up,
            _ => MemberState.Joining,
        };

    /// <summary>Null while this node is no full member.</summary>
    private ClusterClaim? Claim()
    {
        if (_members.GetValueOrDefault(_cluster.SelfUniqueAddress) is not { Status: MemberStatus.Up })
        {
            return null;
        }

        Member? oldest = null;
        foreach (
            var member in _members.Values.Where(m =>
                m.Status is MemberStatus.Up or MemberStatus.Leaving or MemberStatus.Exiting
            )
        )
        {
            oldest = oldest is null || member.IsOlderThan(oldest) ? member : oldest;
        }

        var address = AddressOf(oldest!);
        var card = _runtime.Table.CardOf(address, oldest!.UniqueAddress.Uid);
        return new ClusterClaim(
            $"{address}#{oldest.UniqueAddress.Uid}",
            _members.Count,
            card?.StartedAt ?? long.MaxValue
        );
    }

    private void OnBytes(byte[] bytes)
    {
        if (MemberMessage.Read(bytes) is not { } message)
        {
            return;
        }

        switch (message.Kind)
        {
            case MessageKind.Hello:
                _runtime.OnHello(message.From);
                Sender.Tell(_runtime.Message(MessageKind.Welcome).ToBytes());
                break;
            case MessageKind.CardWanted when IsMember(message.From):
                Sender.Tell(_runtime.Message(MessageKind.Card).ToBytes());
                break;
            case MessageKind.Card when IsMember(message.From) && message.Card is { } card:
                _runtime.Table.SetCard(message.From.Address, message.From.Uid, card);
                Publish();
                break;
            default:
                break;
        }
    }

    private bool IsMember(Hello from) =>
        from.Domain == _runtime.Domain
        && _members.Keys.Any(m => m.Uid == from.Uid && m.Address.Host == from.Host && m.Address.Port == from.Port);

    private void AskForCards()
    {
        foreach (var member in _members.Values)
        {
            if (
                !_unreachable.Contains(member.UniqueAddress)
                && _runtime.Table.CardOf(AddressOf(member), member.UniqueAddress.Uid) is null
            )
            {
                Send(member, MessageKind.CardWanted);
            }
        }
    }

    private void Send(Member member, MessageKind kind) =>
        Context
            .ActorSelection(new RootActorPath(member.Address) / "user" / Name)
            .Tell(_runtime.Message(kind).ToBytes(), Self);

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }
}
