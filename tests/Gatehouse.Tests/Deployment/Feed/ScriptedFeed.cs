using System.Net;
using System.Text;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Feeds;

/// <summary>A manager that sends exactly what the test says, sound or not, then ends the stream.</summary>
internal sealed class ScriptedFeed(Func<ScriptedFeed.Script, ScriptedFeed.Script> write)
{
    private int _follows;

    /// <summary>How many streams were served to their end.</summary>
    public int Follows => Volatile.Read(ref _follows);

    public async Task<Host> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new(app, new Uri(app.Urls.First()).Authority);
    }

    internal sealed record Host(WebApplication App, string Address) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => App.DisposeAsync();
    }

    internal sealed class Script
    {
        private readonly List<EntityChange> _changes = [];

        public List<FeedMessage> Messages { get; } = [];

        public bool Holds { get; private set; }

        public Script Reset(string history)
        {
            Messages.Add(
                new()
                {
                    Reset = new Reset { Reason = "scripted", History = history },
                }
            );
            return this;
        }

        public Script Change(string kind, string name, long epoch, string payload)
        {
            var change = CatalogueTwin.Change(kind, name, payload) with { Epoch = epoch };
            _changes.Add(change);
            Messages.Add(WireForm.Write(change));
            return this;
        }

        public Script Footer(string history, long epoch, int count)
        {
            Messages.Add(
                new()
                {
                    Footer = new ScanFooter
                    {
                        Cursor = WireForm.Write(new CatalogueHead(history, epoch, default)),
                        Count = count,
                        Digest = ByteString.CopyFrom(WireForm.DigestOf(_changes).ToArray()),
                    },
                }
            );
            _changes.Clear();
            return this;
        }

        /// <summary>Keeps the stream open at the end.</summary>
        public Script Hold()
        {
            Holds = true;
            return this;
        }
    }

    private sealed class Service(ScriptedFeed feed) : Gatehouse.Deployment.Wire.Feed.FeedBase
    {
        public override async Task Follow(
            FollowRequest request,
            IServerStreamWriter<FeedMessage> responseStream,
            ServerCallContext context
        )
        {
            var script = feed.Write();
            foreach (var message in script.Messages)
            {
                await responseStream.WriteAsync(message);
            }

            Interlocked.Increment(ref feed._follows);
            if (script.Holds)
            {
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            }
        }

        public override Task<ReportReply> Report(NodeReport request, ServerCallContext context) =>
            Task.FromResult(new ReportReply());
    }

    private Script Write() => write(new());
}
