using System.Net;
using System.Net.Sockets;
using CsCheck;
using Gatehouse.Cluster;
using Gatehouse.Cluster.Joining;

namespace Gatehouse.Tests.Cluster;

public sealed class ServiceRecordsTests
{
    // Two SRV records of _m._tcp.x: 10 5 4000 a.x and 10 5 4001 b.x, the names compressed.
    private static readonly byte[] s_answer =
    [
        0,
        7,
        0x81,
        0x80,
        0,
        1,
        0,
        2,
        0,
        0,
        0,
        0,
        2,
        .. "_m"u8,
        4,
        .. "_tcp"u8,
        1,
        .. "x"u8,
        0,
        0,
        33,
        0,
        1,
        0xC0,
        12,
        0,
        33,
        0,
        1,
        0,
        0,
        0,
        30,
        0,
        10,
        0,
        10,
        0,
        5,
        0x0F,
        0xA0,
        1,
        .. "a"u8,
        0xC0,
        20,
        0xC0,
        12,
        0,
        33,
        0,
        1,
        0,
        0,
        0,
        30,
        0,
        11,
        0,
        10,
        0,
        5,
        0x0F,
        0xA1,
        1,
        .. "b"u8,
        1,
        .. "x"u8,
        0,
    ];

    [Fact]
    public void Targets_and_ports_are_read_also_from_compressed_names()
    {
        Assert.Equal([new("a.x", 4000), new("b.x", 4001)], ServiceRecords.Answers(s_answer));
    }

    [Fact]
    public void A_damaged_answer_ends_the_reading_and_nothing_else()
    {
        Gen.Select(Gen.Int[12, s_answer.Length - 1], Gen.Byte, Gen.Int[13, s_answer.Length])
            .Sample(
                (at, value, length) =>
                {
                    var damaged = s_answer.ToArray();
                    damaged[at] = value;
                    Assert.InRange(ServiceRecords.Answers(damaged.AsSpan(0, length)).Count, 0, 2);
                }
            );
    }

    [Fact]
    public async Task A_resolver_is_asked_and_an_answer_to_another_question_is_passed_over()
    {
        using var resolver = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var asked = ServiceRecords.LookUpAsync(
            "_m._tcp.x",
            [(IPEndPoint)resolver.Client.LocalEndPoint!],
            TestContext.Current.CancellationToken,
            TimeSpan.FromSeconds(60)
        );
        var question = await resolver.ReceiveAsync(TestContext.Current.CancellationToken);
        var answer = s_answer.ToArray();
        (answer[0], answer[1]) = ((byte)(question.Buffer[0] ^ 1), question.Buffer[1]);
        await resolver.SendAsync(answer, question.RemoteEndPoint, TestContext.Current.CancellationToken);
        answer[0] = question.Buffer[0];
        await resolver.SendAsync(answer, question.RemoteEndPoint, TestContext.Current.CancellationToken);

        Assert.Equal(2, (await asked).Count);
        Assert.Equal(s_answer[12..27], question.Buffer[12..27]);
    }

    [Fact]
    public async Task A_resolver_that_does_not_answer_is_given_up()
    {
        using var silent = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));

        Assert.Empty(
            await ServiceRecords.LookUpAsync(
                "_m._tcp.x",
                [(IPEndPoint)silent.Client.LocalEndPoint!],
                TestContext.Current.CancellationToken
            )
        );
    }
}
