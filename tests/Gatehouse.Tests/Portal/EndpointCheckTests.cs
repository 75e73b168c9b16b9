using System.Net;
using System.Net.Sockets;
using Gatehouse.Portal.Publisher;
using Gatehouse.Tests.Gateway;

namespace Gatehouse.Tests.Portal;

/// <summary>What a publisher is told who has the backends of an API called, over real sockets.</summary>
public sealed class EndpointCheckTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backend_is_believed_by_the_certificates_of_the_API_as_the_gateways_believe_it()
    {
        await using var backend = new TlsBackend();
        using var other = TlsBackend.Issue("CN=other");

        var unknown = await EndpointCheck.RunAsync(backend.Url, null, Cancel);
        var known = await EndpointCheck.RunAsync(backend.Url, backend.Pem, Cancel);
        var another = await EndpointCheck.RunAsync(backend.Url, other.ExportCertificatePem(), Cancel);

        Assert.Contains("not trusted", unknown.Failure, StringComparison.Ordinal);
        Assert.Null(unknown.Secured);
        Assert.Null(known.Failure);
        Assert.Equal(200, known.Status);
        Assert.NotNull(known.Secured);
        Assert.Contains("not trusted", another.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_step_is_told_until_the_one_that_fails()
    {
        await using var fine = new Backend();
        await using var mail = new Backend((_, stream) => Backend.WriteAsync(stream, "220 mail.example ESMTP\r\n"));
        await using var closing = new Backend(
            (request, _) =>
            {
                request.ClosesAfter = true;
                return Task.CompletedTask;
            }
        );
        using var nobody = new Socket(SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        var answered = await EndpointCheck.RunAsync($"{fine.Url}/health?deep=1", null, Cancel);
        var other = await EndpointCheck.RunAsync(mail.Url, null, Cancel);
        var closed = await EndpointCheck.RunAsync(closing.Url, null, Cancel);
        var refused = await EndpointCheck.RunAsync(
            $"http://127.0.0.1:{((IPEndPoint)nobody.LocalEndPoint!).Port}",
            null,
            Cancel
        );

        Assert.Equal((200, null), (answered.Status, answered.Failure));
        Assert.StartsWith("HEAD /health?deep=1 HTTP/1.1\r\n", fine.Only.Head, StringComparison.Ordinal);
        Assert.Equal("answers, but not with HTTP", other.Failure);
        Assert.NotNull(other.Answered);
        Assert.Equal("closed the connection before it answered", closed.Failure);
        Assert.NotNull(closed.Connected);
        Assert.NotNull(refused.Failure);
        Assert.Null(refused.Connected);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/", "is no http or https address")]
    [InlineData("backend", "is no http or https address")]
    [InlineData("http://169.254.169.254/latest/meta-data", "is a link-local address")]
    [InlineData("http://[::ffff:169.254.169.254]/", "is a link-local address")]
    [InlineData("http://[fe80::1]/", "is a link-local address")]
    public async Task What_is_no_backend_is_not_called(string address, string failure)
    {
        var check = await EndpointCheck.RunAsync(address, null, Cancel);

        Assert.Equal(failure, check.Failure);
        Assert.Null(check.Connected);
    }
}
