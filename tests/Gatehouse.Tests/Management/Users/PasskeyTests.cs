using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Gatehouse.Tests.KeyManager;

namespace Gatehouse.Tests.Management.Users;

public abstract class PasskeyTests(Product product)
{
    public sealed class OnSqlite() : PasskeyTests(Product.Sqlite);

    public sealed class OnPostgreSql() : PasskeyTests(Product.PostgreSql);

    private const string Host = "127.0.0.1";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_passkey_signs_in_without_a_password_until_it_is_removed()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var cookie = await manager.AddUserAsync("ann", Roles.Publisher);
        using var device = new Authenticator(Host, OriginOf(manager));

        using var unproved = await SendAsync(manager, "me/passkeys/options", new { password = "wrong" }, cookie);
        using var made = await MakeAsync(manager, device, cookie);
        var (first, session) = await UseAsync(manager, device);
        var (second, _) = await UseAsync(manager, device);
        using var me = await manager.SendAsync("GET", "/api/v1/me", cookie: session);
        using var listed = await manager.SendAsync("GET", "/api/v1/me/passkeys", cookie: session);
        var list = (await listed.Content.ReadFromJsonAsync<JsonNode>(Stop))!["items"]!.AsArray();
        var id = list.Single()!["id"]!.GetValue<string>();
        using var lockedOut = await manager.SendAsync(
            "POST",
            "/api/v1/users/ann/lock",
            token: await manager.TokenAsync("root")
        );
        var (locked, _) = await UseAsync(manager, device);
        using var unlocked = await manager.SendAsync(
            "POST",
            "/api/v1/users/ann/unlock",
            token: await manager.TokenAsync("root")
        );
        var (_, again) = await UseAsync(manager, device);
        using var removed = await SendAsync(manager, $"me/passkeys/{id}", null, again, "DELETE");
        var (gone, _) = await UseAsync(manager, device);

        Assert.Equal(HttpStatusCode.Forbidden, unproved.StatusCode);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first, second));
        Assert.Equal("ann", (await me.Content.ReadFromJsonAsync<JsonNode>(Stop))!["user"]!.GetValue<string>());
        Assert.Equal("My phone", list[0]!["name"]!.GetValue<string>());
        Assert.Equal(HttpStatusCode.Forbidden, locked);
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, gone);
    }

    [Fact]
    public async Task What_was_not_asked_for_signed_elsewhere_or_not_by_its_owner_is_refused()
    {
        await using var manager = await TestKeyManager.StartAsync(product);
        var bob = await manager.AddUserAsync("bob", Roles.Subscriber);
        var ann = await manager.AddUserAsync("ann", Roles.Publisher);
        using var device = new Authenticator(Host, OriginOf(manager));
        using var phished = new Authenticator(Host, "https://evil.example");
        using var elsewhere = new Authenticator("evil.example", OriginOf(manager));
        using var careless = new Authenticator(Host, OriginOf(manager)) { Verifies = false };

        foreach (var bad in (Authenticator[])[phished, elsewhere, careless])
        {
            using var refused = await MakeAsync(manager, bad, ann);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }

        // A ticket is its user's.
        using var options = await SendAsync(
            manager,
            "me/passkeys/options",
            new { password = TestKeyManager.Password },
            bob
        );
        var bobs = (await options.Content.ReadFromJsonAsync<JsonNode>(Stop))!;
        using var stolen = await SendAsync(
            manager,
            "me/passkeys",
            new { ticket = bobs["ticket"], credential = device.Create(bobs["options"]!) },
            ann
        );
        Assert.Equal(HttpStatusCode.BadRequest, stolen.StatusCode);

        using var made = await MakeAsync(manager, device, ann);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var other = await AskAsync(manager);
        var mine = await AskAsync(manager);
        device.Verifies = false;
        var careful = await TryAsync(manager, mine["ticket"]!, device.Get(mine["options"]!));
        device.Verifies = true;
        var swapped = await TryAsync(manager, other["ticket"]!, device.Get(mine["options"]!));
        var posing = await TryAsync(
            manager,
            mine["ticket"]!,
            device.Get(mine["options"]!, claims: bobs["options"]!["user"]!["id"]!.GetValue<string>())
        );
        var forged = await TryAsync(manager, "nonsense", device.Get(mine["options"]!));
        var junk = await TryAsync(manager, mine["ticket"]!, new JsonObject { ["id"] = 7 });

        Assert.All(
            [careful, swapped, posing, forged, junk],
            status => Assert.Equal(HttpStatusCode.Unauthorized, status)
        );
        Assert.Equal(HttpStatusCode.OK, await TryAsync(manager, mine["ticket"]!, device.Get(mine["options"]!)));
    }

    private static string OriginOf(TestKeyManager manager) => manager.Address.GetLeftPart(UriPartial.Authority);

    private static async Task<HttpResponseMessage> MakeAsync(
        TestKeyManager manager,
        Authenticator device,
        string cookie
    )
    {
        using var options = await SendAsync(
            manager,
            "me/passkeys/options",
            new { password = TestKeyManager.Password },
            cookie
        );
        var ceremony = (await options.Content.ReadFromJsonAsync<JsonNode>(Stop))!;
        return await SendAsync(
            manager,
            "me/passkeys",
            new
            {
                ticket = ceremony["ticket"],
                credential = device.Create(ceremony["options"]!),
                name = "My phone",
            },
            cookie
        );
    }

    private static async Task<JsonNode> AskAsync(TestKeyManager manager)
    {
        using var asked = await SendAsync(manager, "sign-in/passkey/options", new { });
        return (await asked.Content.ReadFromJsonAsync<JsonNode>(Stop))!;
    }

    private static async Task<(HttpStatusCode Status, string? Session)> UseAsync(
        TestKeyManager manager,
        Authenticator device
    )
    {
        var ceremony = await AskAsync(manager);
        using var used = await SendAsync(
            manager,
            "sign-in/passkey",
            new { ticket = ceremony["ticket"], credential = device.Get(ceremony["options"]!) }
        );
        return (
            used.StatusCode,
            used.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies.Single().Split(';')[0] : null
        );
    }

    private static async Task<HttpStatusCode> TryAsync(TestKeyManager manager, JsonNode ticket, JsonNode credential)
    {
        using var used = await SendAsync(manager, "sign-in/passkey", new { ticket, credential });
        return used.StatusCode;
    }

    private static async Task<HttpResponseMessage> SendAsync(
        TestKeyManager manager,
        string path,
        object? body,
        string? cookie = null,
        string method = "POST"
    )
    {
        var request = new HttpRequestMessage(new(method), $"/api/v1/{path}");
        request.Headers.Add("Origin", OriginOf(manager));
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }

        request.Content = body is null ? null : JsonContent.Create(body);
        return await manager.Http.SendAsync(request, Stop);
    }
}
