using System.Net;
using System.Text;
using Gatehouse.Gateway;

namespace Gatehouse.Tests.Gateway;

public sealed class ForwardingTests
{
    [Fact]
    public async Task A_request_reaches_the_backend_and_its_answer_the_caller()
    {
        await using var backend = new Backend((_, s) => Backend.ReplyAsync(s, "pets", headers: "X-Made-By: cat\r\n"));
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url + "/v2").Put());

        using var answer = await gateway.GetAsync("/petstore/1.0.0/pets?limit=2");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("pets", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("cat", answer.Headers.GetValues("X-Made-By").Single());
        Assert.Equal("GET /v2/pets?limit=2 HTTP/1.1", backend.Only.Line);
        Assert.Equal($"127.0.0.1:{backend.Port}", backend.Only.Header("Host"));
    }
}
