using Gatehouse.Cluster;
using Gatehouse.Cluster.Joining;
using Gatehouse.Cluster.Runtime;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Cluster;

public sealed class HeardMembersTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Whoever_asked_lately_stands_for_its_answer_and_not_for_longer()
    {
        var heard = new HeardMembers(_time);
        heard.Hear(Hello(1));

        Assert.Equal(1, heard.Lately([new("other", 4000), new("10.0.0.1", 4000)])?.Uid);
        Assert.Null(heard.Lately([new("10.0.0.1", 4001)]));

        _time.Advance(HeardMembers.Lasting);
        Assert.Null(heard.Lately([new("10.0.0.1", 4000)]));
    }

    [Fact]
    public void A_flood_of_names_does_not_grow_it_without_bound()
    {
        var heard = new HeardMembers(_time);
        for (var host = 0; host < 5000; host++)
        {
            heard.Hear(Hello(host));
        }

        Assert.Null(heard.Lately([new("10.0.0.0", 4000)]));
        Assert.NotNull(heard.Lately([new("10.0.0.4999", 4000)]));
    }

    private static Hello Hello(int host) =>
        new()
        {
            Domain = "d",
            Node = "n",
            Host = $"10.0.0.{host}",
            Port = 4000,
            Uid = host,
            Listed = true,
        };
}
