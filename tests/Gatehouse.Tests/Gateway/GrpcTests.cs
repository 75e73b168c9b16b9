using System.Net;
using System.Net.Sockets;
using Gatehouse.Model;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Tests.Gateway;

/// <summary>A gRPC client and a gRPC service of grpc-dotnet with a worker between them.</summary>
public sealed class GrpcTests : IAsyncLifetime
{
    private const string Prefix = "petstore/1.0.0/";

    private WebApplication _service = null!;
    private TestGateway _gateway = null!;
    private GrpcChannel _channel = null!;
    private CallInvoker _calls = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<Echo>();
        builder.Services.AddSingleton<IServiceMethodProvider<Echo>, EchoMethods>();
        _service = builder.Build();
        _service.MapGrpcService<Echo>();
        await _service.StartAsync(Cancel);

        _gateway = await TestGateway.StartAsync();
        _gateway.Run([Entities.Petstore(_service.Urls.First()).Keyed().Put(), .. Entities.Consumer()]);
        _channel = GrpcChannel.ForAddress($"http://127.0.0.1:{_gateway.Port}");
        _calls = _channel.CreateCallInvoker();
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _gateway.DisposeAsync();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task One_message_is_answered_by_one_with_headers_and_trailers()
    {
        using var call = _calls.AsyncUnaryCall(At(Echo.Unary), null, WithKey(("x-asked", "yes")), "hello");

        Assert.Equal("hello yes", await call);
        Assert.Equal("1", (await call.ResponseHeadersAsync).GetValue("x-head"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Equal("2", call.GetTrailers().GetValue("x-trailer"));
    }

    [Fact]
    public async Task Messages_stream_from_the_service_one_by_one()
    {
        using var call = _calls.AsyncServerStreamingCall(At(Echo.Server), null, WithKey(), "3");

        var messages = new List<string>();
        await foreach (var message in call.ResponseStream.ReadAllAsync(Cancel))
        {
            messages.Add(message);
        }

        Assert.Equal(["0", "1", "2"], messages);
    }

    [Fact]
    public async Task Messages_stream_from_the_client_one_by_one()
    {
        using var call = _calls.AsyncClientStreamingCall(At(Echo.Client), null, WithKey());
        for (var n = 0; n < 100; n++)
        {
            await call.RequestStream.WriteAsync(new string('x', 1000), Cancel);
        }

        await call.RequestStream.CompleteAsync();
        Assert.Equal("100000", await call);
    }

    [Fact]
    public async Task Both_sides_talk_in_turn_on_one_call()
    {
        using var call = _calls.AsyncDuplexStreamingCall(At(Echo.Duplex), null, WithKey());
        for (var n = 0; n < 20; n++)
        {
            // The answer has to come before the next message is sent: nothing may be held back on the way.
            await call.RequestStream.WriteAsync($"m{n}", Cancel);
            Assert.True(await call.ResponseStream.MoveNext(Cancel));
            Assert.Equal($"m{n}", call.ResponseStream.Current);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Cancel));
    }

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(16, 50)]
    public async Task Calls_on_one_connection_get_their_own_messages_each_in_its_turn(int calls, int messages)
    {
        await Task.WhenAll(Enumerable.Range(0, calls).Select(n => Task.Run(() => TalkAsync(n), Cancel)));

        async Task TalkAsync(int number)
        {
            var random = new Random(number);
            using var call = _calls.AsyncDuplexStreamingCall(At(Echo.Duplex), null, WithKey());
            for (var n = 0; n < messages; n++)
            {
                var size = random.Next(10) == 0 ? random.Next(60_000) : random.Next(300);
                var message = $"{number}-{n}-{new string((char)('a' + ((number + n) % 26)), size)}";
                await call.RequestStream.WriteAsync(message, Cancel);
                Assert.True(await call.ResponseStream.MoveNext(Cancel));
                Assert.Equal(message, call.ResponseStream.Current);
            }

            await call.RequestStream.CompleteAsync();
            Assert.False(await call.ResponseStream.MoveNext(Cancel));
        }
    }

    [Fact]
    public async Task The_status_of_a_failed_call_is_the_services_own()
    {
        var fault = await Assert.ThrowsAsync<RpcException>(async () =>
            await _calls.AsyncUnaryCall(At(Echo.Unary), null, WithKey(), "fail")
        );

        Assert.Equal((StatusCode.FailedPrecondition, "not like this"), (fault.StatusCode, fault.Status.Detail));
    }

    [Fact]
    public async Task A_call_without_a_key_is_unauthenticated_and_one_to_nowhere_unimplemented()
    {
        var noKey = await Assert.ThrowsAsync<RpcException>(async () =>
            await _calls.AsyncUnaryCall(At(Echo.Unary), null, default, "hello")
        );
        var nowhere = await Assert.ThrowsAsync<RpcException>(async () =>
            await _calls.AsyncUnaryCall(At(Echo.Unary, "other/1.0.0/"), null, default, "hello")
        );

        Assert.Equal(StatusCode.Unauthenticated, noKey.StatusCode);
        Assert.Equal(StatusCode.Unimplemented, nowhere.StatusCode);
    }

    [Fact]
    public async Task A_cancelled_stream_ends_at_the_service_too()
    {
        using var call = _calls.AsyncDuplexStreamingCall(At(Echo.Duplex), null, WithKey());
        await call.RequestStream.WriteAsync("m", Cancel);
        Assert.True(await call.ResponseStream.MoveNext(Cancel));

        call.Dispose();

        await _service.Services.GetRequiredService<Echo>().Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
    }

    [Fact]
    public async Task A_quiet_stream_is_not_held_to_the_rate_that_bodies_are()
    {
        // Such a rate, with as short a grace, cuts every other body that a caller sends.
        await using var gateway = await TestGateway.StartAsync(
            new()
            {
                Node = "w1",
                Timeouts = new()
                {
                    BodyRate = 100_000,
                    StreamRate = 100_000,
                    BodyGrace = TimeSpan.FromMilliseconds(200),
                },
            }
        );
        await using var backend = new Backend();
        gateway.Run([
            Entities.Petstore(_service.Urls.First()).Keyed().Put(),
            (Entities.Petstore(backend.Url) with { Name = "other", Context = "/other" }).Put(),
            .. Entities.Consumer(),
        ]);
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{gateway.Port}");
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(At(Echo.Duplex), null, WithKey());

        for (var n = 0; n < 3; n++)
        {
            await call.RequestStream.WriteAsync($"m{n}", Cancel);
            Assert.True(await call.ResponseStream.MoveNext(Cancel));
            Assert.Equal($"m{n}", call.ResponseStream.Current);

            // The stream is quiet for as long as it takes to cut another one, which begins after it fell silent.
            using var other = new TcpClient();
            await other.ConnectAsync(IPAddress.Loopback, gateway.Port, Cancel);
            await Backend.WriteAsync(
                other.GetStream(),
                "POST /other/1.0.0/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            using var answer = new StreamReader(other.GetStream());
            Assert.StartsWith("HTTP/1.1 408 ", await answer.ReadLineAsync(Cancel), StringComparison.Ordinal);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Cancel));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    private static CallOptions WithKey(params (string, string)[] headers)
    {
        var metadata = new Metadata { { "apikey", Entities.Secret } };
        foreach (var (name, value) in headers)
        {
            metadata.Add(name, value);
        }

        // Against hanging for ever alone: at load 40, half a minute was too short for one run in thirty, whose first call compiles both sides.
        return new CallOptions(metadata, DateTime.UtcNow.AddMinutes(3), Cancel);
    }

    /// <summary>The method as it is called through the gateway.</summary>
    private static Method<string, string> At(Method<string, string> method, string prefix = Prefix) =>
        new(method.Type, prefix + method.ServiceName, method.Name, method.RequestMarshaller, method.ResponseMarshaller);

    private sealed class Echo
    {
        public static readonly Method<string, string> Unary = Of(MethodType.Unary, nameof(Unary));
        public static readonly Method<string, string> Server = Of(MethodType.ServerStreaming, nameof(Server));
        public static readonly Method<string, string> Client = Of(MethodType.ClientStreaming, nameof(Client));
        public static readonly Method<string, string> Duplex = Of(MethodType.DuplexStreaming, nameof(Duplex));

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        private static Method<string, string> Of(MethodType type, string name) =>
            new(type, "test.Echo", name, Marshallers.StringMarshaller, Marshallers.StringMarshaller);
    }

    private sealed class EchoMethods(Echo echo) : IServiceMethodProvider<Echo>
    {
        public void OnServiceMethodDiscovery(ServiceMethodProviderContext<Echo> context)
        {
            context.AddUnaryMethod(
                Echo.Unary,
                [],
                static async (_, message, call) =>
                {
                    if (message == "fail")
                    {
                        throw new RpcException(new Status(StatusCode.FailedPrecondition, "not like this"));
                    }

                    await call.WriteResponseHeadersAsync([new("x-head", "1")]);
                    call.ResponseTrailers.Add("x-trailer", "2");
                    return $"{message} {call.RequestHeaders.GetValue("x-asked")}";
                }
            );
            context.AddServerStreamingMethod(
                Echo.Server,
                [],
                static async (_, message, answers, _) =>
                {
                    for (var n = 0; n < int.Parse(message, null); n++)
                    {
                        await answers.WriteAsync($"{n}");
                    }
                }
            );
            context.AddClientStreamingMethod(
                Echo.Client,
                [],
                static async (_, messages, _) =>
                {
                    var length = 0;
                    await foreach (var message in messages.ReadAllAsync())
                    {
                        length += message.Length;
                    }

                    return $"{length}";
                }
            );
            context.AddDuplexStreamingMethod(
                Echo.Duplex,
                [],
                async (_, messages, answers, call) =>
                {
                    // Told by its token or by what it reads next, whichever comes first.
                    using var cancelled = call.CancellationToken.Register(() => echo.Cancelled.TrySetResult());
                    try
                    {
                        await foreach (var message in messages.ReadAllAsync())
                        {
                            await answers.WriteAsync(message);
                        }
                    }
                    catch (Exception e) when (e is IOException or OperationCanceledException)
                    {
                        echo.Cancelled.TrySetResult();
                        throw;
                    }
                }
            );
        }
    }
}
