using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Cluster.Runtime;

namespace Gatehouse.Cluster.Joining;

/// <summary>
/// One round of asking: knock at every address at once, then ask those that hold a certificate of this cluster who they
/// are. Bounded by the time limits of one address, however many there are.
/// </summary>
internal sealed class Round(AddressBook book, MemberProbe probe, HeardMembers heard)
{
    private const int AtOnce = 256;

    /// <summary>The host under which a member answered, so that the next round asks it by that one only.</summary>
    private readonly ConcurrentDictionary<(IPAddress, int), string> _answersTo = new();

    /// <summary>Everyone who is not in this node's own cluster, asked.</summary>
    public async Task<RoundResult> AskAsync(MemberRuntime runtime, CancellationToken cancellation)
    {
        var contacts = await book.LookAsync(cancellation).ConfigureAwait(false);
        var members = runtime.State.Members;
        if (_answersTo.Count > 2 * WellKnownMembers.MaxAddresses)
        {
            _answersTo.Clear(); // records that come and go; it is learnt again in a round
        }

        var answers = new ConcurrentDictionary<long, Hello>();
        var strangers = new ConcurrentBag<(Contact, string)>();
        var (mute, heardOnly) = (0, 0);
        await Parallel
            .ForEachAsync(
                contacts.Where(c => !HostsOf(c).Any(h => members.Contains(new MemberAddress(h, c.Port)))),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation },
                async (contact, stop) =>
                {
                    if (await AskOneAsync(contact, stop).ConfigureAwait(false) is { } hello)
                    {
                        answers[hello.Uid] = hello;
                    }
                }
            )
            .ConfigureAwait(false);
        if (answers.TryRemove(runtime.Uid, out _))
        {
            runtime.Listed = true;
        }

        return new([.. answers.Values], [.. strangers], mute, heardOnly);

        async Task<Hello?> AskOneAsync(Contact contact, CancellationToken stop)
        {
            if (contact.Port == runtime.Self.Port && contact.Hosts.Contains(runtime.Self.Host))
            {
                runtime.Listed |= contact.IsListed;
                return null;
            }

            var knock = await probe.KnockAsync(contact.Ip, contact.Port, contact.Hosts[0], stop).ConfigureAwait(false);
            if (knock.Outcome != ProbeOutcome.Member)
            {
                if (knock.Outcome == ProbeOutcome.Stranger)
                {
                    strangers.Add((contact, knock.Detail ?? ""));
                }

                return null;
            }

            var addresses = HostsOf(contact).Select(h => new MemberAddress(h, contact.Port)).ToList();
            var asked = await Task.WhenAll(addresses.Select(a => runtime.AskAsync(a, stop))).ConfigureAwait(false);
            if (asked.FirstOrDefault(a => a is not null) is not { } hello)
            {
                _answersTo.TryRemove((contact.Ip, contact.Port), out _); // it may go by another name now
                Interlocked.Increment(ref mute);
                var said = heard.Lately(addresses);
                if (said is not null)
                {
                    Interlocked.Increment(ref heardOnly);
                }

                return said;
            }

            _answersTo[(contact.Ip, contact.Port)] = hello.Host;
            return hello;
        }
    }

    private IEnumerable<string> HostsOf(Contact contact) =>
        _answersTo.TryGetValue((contact.Ip, contact.Port), out var host) ? [host] : contact.Hosts;
}

/// <summary>What a round found.</summary>
/// <param name="Answers">Nodes that said who they are, of whatever domain; not this one.</param>
/// <param name="Strangers">Addresses where something listens that is no member, and why not.</param>
/// <param name="Mute">How many showed a certificate of this cluster and then did not answer.</param>
/// <param name="Heard">How many of those asked this node lately, so that they are among the answers nevertheless.</param>
internal sealed record RoundResult(
    IReadOnlyList<Hello> Answers,
    IReadOnlyList<(Contact Contact, string Why)> Strangers,
    int Mute,
    int Heard
);
