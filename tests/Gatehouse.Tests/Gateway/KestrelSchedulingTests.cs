using System.Net;
using Gatehouse.Gateway.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Tests.Gateway;

public sealed class KestrelSchedulingTests
{
    // When this fails after an update of the runtime, the switch has moved: find it, or HTTP/2 costs half as much again.
    [Fact]
    public async Task The_server_has_a_scheduler_that_can_be_set()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        await using var services = builder.Build();

        Assert.True(KestrelScheduling.RunInline(services.Services.GetRequiredService<IServer>()));
    }

    [Fact]
    public async Task Many_streams_of_one_connection_get_their_own_answers()
    {
        await using var backend = new Backend
        {
            OnRequest = (request, stream) => Backend.ReplyAsync(stream, request.Target.PadRight(20_000, '.')),
        };
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url, "POST /pets/{id}").Put());
        using var client = new HttpClient(
            new SocketsHttpHandler { UseProxy = false, EnableMultipleHttp2Connections = false }
        )
        {
            BaseAddress = gateway.Http.BaseAddress,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, 200)
                .Select(async i =>
                {
                    using var body = new ByteArrayContent(new byte[i * 997]);
                    using var answer = await client.PostAsync(
                        $"/petstore/1.0.0/pets/{i}",
                        body,
                        TestContext.Current.CancellationToken
                    );
                    return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                })
        );

        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"/pets/{i}".PadRight(20_000, '.')), answers);
        Assert.Equal(Enumerable.Range(0, 200).Sum(i => i * 997), backend.Requests.Sum(r => r.Body.Length));
    }
}
