using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Gatehouse.Samples;

/// <summary>
/// A small backend for the sample APIs of <c>deploy/samples</c>: pets, a pizza menu, orders, and <c>/echo</c>, which shows
/// what a backend gets to see. Holds a thousand things in memory and forgets them at its end.
/// </summary>
internal sealed class SampleBackend : IAsyncDisposable
{
    private const int MaxThings = 1000;

    private readonly WebApplication _app;

    private SampleBackend(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public string Url => _app.Urls.First();

    /// <summary>Starts on 127.0.0.1; port 0 takes a free one.</summary>
    public static async Task<SampleBackend> StartAsync(int port, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Limits.MaxRequestBodySize = 1 << 20;
            k.Listen(System.Net.IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http1AndHttp2);
        });
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        app.UseRouting();
        MapPets(app);
        MapPizzas(app);
        app.Map("/echo/{**rest}", Echo);
        app.MapGet("/health", () => "ok");
        await app.StartAsync(cancellation);
        return new(app);
    }

    /// <summary>Completes when the process is asked to stop.</summary>
    public Task WaitForShutdownAsync(CancellationToken cancellation) => _app.WaitForShutdownAsync(cancellation);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static void MapPets(IEndpointRouteBuilder app)
    {
        var pets = new Things<Pet>([
            new Pet("1", "Mochi", "cat", 3),
            new Pet("2", "Otto", "dog", 5),
            new Pet("3", "Pip", "parrot", 12),
        ]);
        app.MapGet("/pets", (string? kind) => pets.All.Where(p => kind is null || p.Kind == kind));
        app.MapGet("/pets/{id}", (string id) => Found(pets.Find(id)));
        app.MapPost("/pets", (NewPet ask) => Made("/pets", pets.Add(id => new Pet(id, ask.Name, ask.Kind, ask.Age))));
        app.MapDelete("/pets/{id}", (string id) => pets.Remove(id) ? Results.NoContent() : Results.NotFound());
    }

    private static void MapPizzas(IEndpointRouteBuilder app)
    {
        ImmutableArray<Pizza> menu =
        [
            new("Margherita", "Tomato, mozzarella, basil", "8.50"),
            new("Funghi", "Mushrooms, mozzarella, thyme", "9.90"),
            new("Quattro Formaggi", "Four cheeses and nothing else", "11.20"),
            new("Diavola", "Spicy salami, chilli oil", "10.80"),
        ];
        var orders = new Things<Order>([]);
        app.MapGet("/menu", () => menu);
        app.MapPost(
            "/order",
            (NewOrder ask) =>
                menu.Any(p => p.Name == ask.PizzaType)
                    ? Made("/order", orders.Add(id => new Order(id, ask.PizzaType, ask.Quantity, ask.Address, false)))
                    : Results.BadRequest(new { error = $"there is no pizza called {ask.PizzaType}" })
        );
        app.MapGet("/order/{orderId}", (string orderId) => Found(orders.Find(orderId)));
        app.MapPut(
            "/order/{orderId}",
            (string orderId, NewOrder ask) =>
                Found(
                    orders.Change(
                        orderId,
                        o => o with { PizzaType = ask.PizzaType, Quantity = ask.Quantity, Address = ask.Address }
                    )
                )
        );
        app.MapDelete(
            "/order/{orderId}",
            (string orderId) => orders.Remove(orderId) ? Results.Ok() : Results.NotFound()
        );
        app.MapGet(
            "/delivery/{orderId}",
            (string orderId) => Found(orders.Change(orderId, o => o with { Delivered = true }))
        );
    }

    private static object Echo(HttpRequest request) =>
        new
        {
            method = request.Method,
            path = request.Path.Value,
            query = request.QueryString.Value,
            protocol = request.Protocol,
            headers = request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()),
        };

    private static IResult Found<T>(T? thing)
        where T : class => thing is null ? Results.NotFound() : Results.Ok(thing);

    private static IResult Made<T>(string path, (string Id, T Thing)? made)
        where T : class =>
        made is { } m
            ? Results.Created($"{path}/{m.Id}", m.Thing)
            : Results.Json(new { error = "the sample backend is full" }, statusCode: 507);

    private sealed record Pet(string Id, string Name, string Kind, int Age) : IThing;

    private sealed record NewPet(string Name, string Kind, int Age);

    private sealed record Pizza(string Name, string Description, string Price);

    private sealed record Order(string Id, string PizzaType, int Quantity, string Address, bool Delivered) : IThing;

    private sealed record NewOrder(string PizzaType, int Quantity, string Address);

    private interface IThing
    {
        string Id { get; }
    }

    private sealed class Things<T>(ImmutableArray<T> first)
        where T : class, IThing
    {
        private readonly ConcurrentDictionary<string, T> _things = new(first.ToDictionary(t => t.Id));
        private int _last = first.Length;

        public IEnumerable<T> All => _things.Values.OrderBy(t => t.Id.Length).ThenBy(t => t.Id, StringComparer.Ordinal);

        public T? Find(string id) => _things.GetValueOrDefault(id);

        public bool Remove(string id) => _things.TryRemove(id, out _);

        public (string Id, T Thing)? Add(Func<string, T> make)
        {
            if (_things.Count >= MaxThings)
            {
                return null;
            }

            var id = Interlocked.Increment(ref _last).ToString(System.Globalization.CultureInfo.InvariantCulture);
            return (id, _things[id] = make(id));
        }

        public T? Change(string id, Func<T, T> change)
        {
            while (_things.TryGetValue(id, out var thing))
            {
                var changed = change(thing);
                if (_things.TryUpdate(id, changed, thing))
                {
                    return changed;
                }
            }

            return null;
        }
    }
}
