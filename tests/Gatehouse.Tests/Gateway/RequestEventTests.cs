using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;

namespace Gatehouse.Tests.Gateway;

public sealed class RequestEventTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_request_to_an_API_is_told_of_with_its_fault_and_none_of_its_secrets()
    {
        var events = new EventQueue();
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(new() { Node = "w1", Events = events });
        gateway.Run(Entities.Petstore(backend.Url, "GET /pets/{id}").Keyed().Put());
        gateway.Run(Entities.Consumer());

        using var good = await gateway.GetAsync("/petstore/1.0.0/pets/7", Entities.Secret);
        Assert.Equal("hello", await good.Content.ReadAsStringAsync(Stop));
        List<RequestEvent> told = [await NextAsync(events)];
        using var bare = await gateway.GetAsync("/petstore/1.0.0/pets/7");
        told.Add(await NextAsync(events));
        using var nowhere = await gateway.GetAsync("/nowhere");
        gateway.Run((Entities.Petstore(backend.Url, "GET /pets/{id}") with { Status = ApiStatus.Blocked }).Put());
        using var blocked = await gateway.GetAsync("/petstore/1.0.0/pets/7");
        told.Add(await NextAsync(events));

        Assert.All(told, e => Assert.Equal(("petstore:1.0.0", "GET /pets/{id}"), (e.Api, e.Operation)));
        Assert.Equal(
            [
                (200, FaultCategory.None, 0),
                (401, FaultCategory.Authentication, 900902),
                (503, FaultCategory.Other, 700700),
            ],
            told.Select(e => (e.Status, e.Fault, e.Code))
        );
        Assert.Equal(("app_1", 5L), (told[0].Application, told[0].BytesOut));
        Assert.True(told[0].Backend > TimeSpan.Zero && told[0].Backend <= told[0].Duration);
        Assert.Contains($"{backend.Port}", told[0].Destination, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.Zero, told[1].Backend);
    }

    [Fact]
    public async Task A_full_queue_drops_and_counts_and_no_request_waits()
    {
        var events = new EventQueue(capacity: 2);
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(new() { Node = "w1", Events = events });
        gateway.Run(Entities.Petstore(backend.Url).Put());

        for (var i = 0; i < 5; i++)
        {
            using var answer = await gateway.GetAsync("/petstore/1.0.0/pets");
            await answer.Content.ReadAsStringAsync(Stop);
        }

        // Nothing is taken before: what is would make room for another.
        await LoopServer.Until(() => events.Dropped == 3);
        Assert.True(events.TryTake(out _) && events.TryTake(out _) && !events.TryTake(out _));
        Assert.Equal(3, events.TakeDropped());
        Assert.Equal((0, 3), (events.TakeDropped(), events.Dropped));
    }

    // A request is told of after its answer has gone out.
    private static async Task<RequestEvent> NextAsync(EventQueue events)
    {
        RequestEvent told = default;
        await LoopServer.Until(() => events.TryTake(out told));
        return told;
    }
}
