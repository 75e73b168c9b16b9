using Gatehouse.Gateway.Strictness;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>Malformed HTTP/2 requests, sent as frames: refused by Kestrel, or read by it and refused by the judge.</summary>
public sealed class Http2JudgeTests : IAsyncLifetime
{
    private readonly List<string?> _verdicts = [];
    private readonly List<string?> _hosts = [];
    private readonly List<string?> _lengths = [];
    private readonly GuardedKestrel _server;

    public Http2JudgeTests() =>
        _server = new GuardedKestrel(
            listen => listen.Protocols = HttpProtocols.Http2,
            context =>
            {
                lock (_verdicts)
                {
                    _verdicts.Add(Http2Judge.Judge(context.Request.Headers));
                    _hosts.Add(context.Request.Headers.Host);
                    _lengths.Add(context.Request.Headers["Content-Length"]);
                }
            }
        );

    [Theory]
    [InlineData("accept", "*/*")]
    [InlineData("x-empty", "")]
    [InlineData("x-tab", "a\tb")]
    [InlineData("x-text", "gr\u00fc\u00df")]
    [InlineData("te", "trailers")]
    [InlineData("cookie", "a=b; c=d")]
    [InlineData("host", "a")]
    [InlineData("!#$%&'*+-.^_`|~09az", "x")]
    public async Task A_well_formed_request_is_accepted(string name, string value)
    {
        Assert.Equal("response", await SendAsync((name, value)));
        Assert.Equal([null], _verdicts);
    }

    [Theory]
    [InlineData("X-Upper", "a")]
    [InlineData("x y", "a")]
    [InlineData("x\0", "a")]
    [InlineData("x\r\ny", "a")]
    [InlineData("x\n", "a")]
    [InlineData("x:y", "a")]
    [InlineData("x:", "a")]
    [InlineData(" x", "a")]
    [InlineData("x(", "a")]
    [InlineData("x/", "a")]
    [InlineData("x\"", "a")]
    [InlineData("x\u007f", "a")]
    [InlineData("x\u00e4", "a")]
    [InlineData("", "a")]
    [InlineData(":unknown", "a")]
    [InlineData(":path", "/")]
    [InlineData("x", "a\0b")]
    [InlineData("x", "a\rb")]
    [InlineData("x", "a\nb")]
    [InlineData("x", "a\r\nInjected: b")]
    [InlineData("x", "a\u0001b")]
    [InlineData("x", "a\u007fb")]
    [InlineData("x", " a")]
    [InlineData("x", "a ")]
    [InlineData("x", "\ta")]
    [InlineData("connection", "close")]
    [InlineData("connection", "x")]
    [InlineData("proxy-connection", "keep-alive")]
    [InlineData("keep-alive", "timeout=5")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("upgrade", "websocket")]
    [InlineData("te", "gzip")]
    [InlineData("content-length", "0,0")]
    [InlineData("content-length", "")]
    [InlineData("content-length", "x")]
    [InlineData("content-length", "5")]
    public async Task A_malformed_request_is_refused(string name, string value)
    {
        var outcome = await SendAsync((name, value));

        Assert.True(outcome != "response" || _verdicts is [not null], $"{outcome}, read and not refused");
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("u@a")]
    [InlineData("a/b")]
    [InlineData("a,b")]
    [InlineData("a:b")]
    [InlineData("a:99999")]
    public async Task A_request_for_no_valid_host_is_refused(string authority)
    {
        var outcome = await RawHttp2.SendAsync(
            _server.Address,
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", authority)
        );

        Assert.True(outcome != "response" || _verdicts is [not null], $"{outcome}, read and not refused");
    }

    [Fact]
    public async Task A_request_without_any_host_is_refused()
    {
        var outcome = await RawHttp2.SendAsync(
            _server.Address,
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/")
        );

        Assert.True(outcome != "response" || _verdicts is [not null], $"{outcome}, read and not refused");
    }

    [Fact]
    public async Task What_Kestrel_settles_before_anyone_can_see_it_has_one_reading()
    {
        await SendAsync(("host", "b"));
        await SendAsync(("content-length", "+0"));

        Assert.Equal(["a", "a"], _hosts);
        Assert.Equal([null, "0"], _lengths);
    }

    [Fact]
    public void Two_lengths_or_hosts_are_refused()
    {
        Assert.NotNull(
            Http2Judge.Judge(new HeaderDictionary { ["Host"] = "a", ["Content-Length"] = (string[])["1", "1"] })
        );
        Assert.NotNull(Http2Judge.Judge(new HeaderDictionary { ["Host"] = (string[])["a", "a"] }));
        Assert.Null(Http2Judge.Judge(new HeaderDictionary { ["Host"] = "a", ["Content-Length"] = "1" }));
    }

    public ValueTask InitializeAsync() => _server.InitializeAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private Task<string> SendAsync((string, string) field) =>
        RawHttp2.SendAsync(
            _server.Address,
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "a"),
            field
        );
}
