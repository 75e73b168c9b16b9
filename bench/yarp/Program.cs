using Yarp.ReverseProxy.Configuration;

// The peer: YARP's default pipeline with one route and one destination.
//   yarp PORT BACKEND
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls($"http://127.0.0.1:{args[0]}");
builder
    .Services.AddReverseProxy()
    .LoadFromMemory(
        [
            new RouteConfig
            {
                RouteId = "all",
                ClusterId = "backend",
                Match = new RouteMatch { Path = "/{**rest}" },
            },
        ],
        [
            new ClusterConfig
            {
                ClusterId = "backend",
                Destinations = new Dictionary<string, DestinationConfig>
                {
                    ["one"] = new DestinationConfig { Address = args[1] },
                },
            },
        ]
    );
var app = builder.Build();
app.MapReverseProxy();
await app.RunAsync();
