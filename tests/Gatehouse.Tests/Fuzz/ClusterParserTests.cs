using System.Collections.Immutable;
using System.Text;
using CsCheck;
using Gatehouse.Cluster.Runtime;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Wire;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;
using Google.Protobuf;

namespace Gatehouse.Tests.Fuzz;

/// <summary>What comes from other members and managers, damaged or made up: it is refused in the words of its reader, or it is whole.</summary>
public sealed class ClusterParserTests
{
    private static readonly CatalogueHead s_start = new("history-1", 10, Digest.Of("start"u8));

    [Fact]
    public void A_message_of_a_member_is_read_or_is_none()
    {
        var hello = new Hello
        {
            Domain = "wso2.am.domain",
            Node = "worker-1",
            Host = "10.0.0.7",
            Port = 4000,
            Uid = 7,
            Listed = true,
            Cluster = new("10.0.0.1:4000/1", 3, 1_700_000_000_000),
        };
        var card = new MemberCard
        {
            Node = "worker-1",
            Profile = "gateway-worker",
            SubDomain = "worker",
            Version = "0.1.0",
            StartedAt = 1_700_000_000_000,
            Properties = ImmutableSortedDictionary<string, string>.Empty.Add("port.mapping.80", "9763"),
        };
        byte[][] seeds =
        [
            .. Enum.GetValues<MessageKind>()
                .Select(kind =>
                    new MemberMessage
                    {
                        Kind = kind,
                        From = hello,
                        Card = kind == MessageKind.Card ? card : null,
                    }.ToBytes()
                ),
        ];
        Assert.All(seeds, seed => Assert.NotNull(MemberMessage.Read(seed)));

        Mutations
            .Of(
                seeds,
                "null",
                "\"\\ud800\"",
                "{",
                "}",
                "-1",
                "99999999999999999999",
                "\"kind\":",
                "\"from\":",
                "\"a\":1,"
            )
            .Sample(
                bytes =>
                {
                    if (MemberMessage.Read(bytes) is not { } message)
                    {
                        return;
                    }

                    Assert.InRange(message.From.Port, 1, 65535);
                    Assert.True(message.Card is null || message.Card.StartedAt >= 0);
                    // What was taken can be passed on and shown.
                    Assert.NotNull(MemberMessage.Read(message.ToBytes()));
                    _ = message.Card?.Properties.Count;
                },
                iter: 30_000
            );
    }

    [Fact]
    public void Whatever_a_feed_sends_only_whole_transactions_come_out()
    {
        var changes = Enumerable.Range(11, 6).Select(Change).ToArray();
        var scan = new FeedScan(new("history-2", 40, Digest.Of("scan"u8)), [.. changes]);
        FeedMessage[] stream =
        [
            WireForm.Write(changes[0]),
            WireForm.Write(changes[1]),
            WireForm.WriteEnd(new("history-1", 12, Digest.Of("two"u8))),
            WireForm.Write(changes[2]),
            WireForm.WriteEnd(new("history-1", 13, Digest.Of("three"u8))),
            new() { Reset = new Reset { History = "history-2" } },
            .. changes.Select(WireForm.Write),
            WireForm.WriteFooter(scan),
        ];
        var whole = Arrivals(stream.Select(m => m.ToByteArray()));
        Assert.Equal(3, whole.Count);

        var frame = Gen.Int[0, stream.Length - 1];
        var damaged = Mutations.Of(
            stream.Select(m => m.ToByteArray()).ToList(),
            "history-1",
            "history-2",
            "\x00",
            "\x7f"
        );
        Gen.Select(Gen.OneOf(frame.Select(i => stream[i].ToByteArray()), damaged).Array[1, 12], Gen.Int[0, 8])
            .Sample(
                (frames, honest) =>
                {
                    foreach (var arrival in Arrivals(stream.Take(honest).Select(m => m.ToByteArray()).Concat(frames)))
                    {
                        var (head, taken) = arrival switch
                        {
                            Arrival.Transaction t => (t.Head, t.Changes),
                            Arrival.Scan s => (s.Head, s.Changes),
                            _ => (s_start, []),
                        };
                        Assert.All(
                            taken,
                            change =>
                            {
                                Assert.Equal(change.Digest, Digest.Of(change.Payload.Span));
                                Assert.InRange(change.Epoch, 1, head.Epoch);
                            }
                        );
                        Assert.Equal(taken.Select(c => c.Epoch).Order().Distinct(), taken.Select(c => c.Epoch));
                    }
                },
                iter: 10_000
            );
    }

    // Ends with the first violation, as a receiver does.
    private static List<Arrival> Arrivals(IEnumerable<byte[]> frames)
    {
        var assembly = new FeedAssembly(s_start, []);
        var arrivals = new List<Arrival>();
        try
        {
            foreach (var frame in frames)
            {
                if (assembly.Take(FeedMessage.Parser.ParseFrom(frame)) is { } arrival)
                {
                    arrivals.Add(arrival);
                }
            }
        }
        catch (Exception refused) when (refused is FeedViolationException or InvalidProtocolBufferException) { }

        return arrivals;
    }

    private static EntityChange Change(int epoch)
    {
        var payload = Encoding.UTF8.GetBytes($$"""{"n":{{epoch}}}""");
        return new()
        {
            Kind = EntityKinds.Plan,
            Name = $"plan-{epoch}",
            Epoch = epoch,
            Payload = payload,
            Digest = Digest.Of(payload),
            Signature = new byte[64],
        };
    }
}
