using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.DependencyInjection;
using OpenIddict.Abstractions;
using OpenIddict.EntityFrameworkCore.Models;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Gatehouse.KeyManager;

/// <summary>The OAuth2 clients of applications. Which key and application a client belongs to stands in its properties.</summary>
internal sealed class Clients(IServiceScopeFactory scopes, TimeProvider time) : IKeyManager
{
    public const string KeyProperty = "gatehouse:key";
    public const string ApplicationProperty = "gatehouse:application";
    public const string RegistrationProperty = "gatehouse:registration";

    /// <summary>The client of <c>gatehouse login</c>.</summary>
    public const string CommandLine = "gatehouse-cli";

    /// <summary>Grants a client may have.</summary>
    public static readonly ImmutableArray<string> Grants =
    [
        GrantTypes.ClientCredentials,
        GrantTypes.AuthorizationCode,
        GrantTypes.RefreshToken,
        GrantTypes.DeviceCode,
        GrantTypes.TokenExchange,
        GrantTypes.Password,
    ];

    public string Issuer => KeyManagerSettings.IssuerName;

    // Asked for as late as this: they are read from the catalogue when the manager has started.
    public ImmutableArray<SigningKeyView> SigningKeys()
    {
        using var scope = scopes.CreateScope();
        return scope.ServiceProvider.GetRequiredService<SigningKeys>().Views();
    }

    public async Task<SigningKeyView> RotateSigningKeyAsync(bool now, Actor actor, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var keys = scope.ServiceProvider.GetRequiredService<SigningKeys>();
        return await keys.RotateAsync(now, actor, cancellation).ConfigureAwait(false);
    }

    public async Task<OwnClient> CreateClientAsync(ClientDraft draft, CancellationToken cancellation)
    {
        Check(draft);
        var clientId = Random(20);
        var secret = draft.IsPublic ? null : Random(32);
        await using var scope = scopes.CreateAsyncScope();
        var manager = scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>();
        await manager.CreateAsync(Describe(draft, clientId, secret), cancellation).ConfigureAwait(false);
        return new(clientId, secret);
    }

    public async Task TakeClientAsync(
        ClientDraft draft,
        string clientId,
        Digest? secret,
        CancellationToken cancellation
    )
    {
        Check(draft);
        await using var scope = scopes.CreateAsyncScope();
        var manager = (ClientManager)scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>();
        var client = await manager.FindByClientIdAsync(clientId, cancellation).ConfigureAwait(false);
        if (client is null)
        {
            client = await manager
                .CreateAsync(Describe(draft, clientId, Random(32)), cancellation)
                .ConfigureAwait(false);
        }
        else if (
            Property(await manager.GetPropertiesAsync(client, cancellation).ConfigureAwait(false), KeyProperty)
            != draft.Key
        )
        {
            throw new ConflictException(
                $"The client {clientId} is another application's",
                "delete that key first, or leave this client out"
            );
        }

        if (secret is { } known)
        {
            client.ClientSecret = ClientManager.Keep(known);
            await manager.UpdateAsync(client, cancellation).ConfigureAwait(false);
        }
    }

    public async Task<string> RollSecretAsync(string clientId, TimeSpan overlap, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var manager = (ClientManager)scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>();
        var client =
            await manager.FindByClientIdAsync(clientId, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("OAuth2 client", clientId);
        if (client.ClientType == ClientTypes.Public)
        {
            throw new ConflictException("A public client has no secret", "nothing has to be rolled");
        }

        var secret = Random(32);
        client.ClientSecret = ClientManager.Roll(
            secret,
            client.ClientSecret,
            overlap > TimeSpan.Zero ? time.GetUtcNow() + overlap : null
        );
        await manager.UpdateAsync(client, cancellation).ConfigureAwait(false);
        return secret;
    }

    public async Task DeleteClientAsync(string clientId, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var manager = scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>();
        if (await manager.FindByClientIdAsync(clientId, cancellation).ConfigureAwait(false) is { } client)
        {
            await manager.DeleteAsync(client, cancellation).ConfigureAwait(false);
        }
    }

    public async Task RevokeUserAsync(string userId, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        await scope
            .ServiceProvider.GetRequiredService<IOpenIddictTokenManager>()
            .RevokeBySubjectAsync(userId, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Makes the client of the command line, once.</summary>
    public async Task EnsureCommandLineAsync(CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var manager = scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>();
        if (await manager.FindByClientIdAsync(CommandLine, cancellation).ConfigureAwait(false) is not null)
        {
            return;
        }

        try
        {
            await manager
                .CreateAsync(
                    Describe(
                        new(
                            "",
                            "",
                            "Gatehouse command line",
                            [GrantTypes.DeviceCode, GrantTypes.RefreshToken],
                            [],
                            IsPublic: true
                        ),
                        CommandLine,
                        null
                    ),
                    cancellation
                )
                .ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is OpenIddictExceptions.ValidationException or Microsoft.EntityFrameworkCore.DbUpdateException)
        {
            // Another manager was faster.
        }
    }

    /// <summary>What OpenIddict is told of a client.</summary>
    public static OpenIddictApplicationDescriptor Describe(ClientDraft draft, string clientId, string? secret)
    {
        var descriptor = new OpenIddictApplicationDescriptor
        {
            ClientId = clientId,
            ClientSecret = secret,
            ClientType = draft.IsPublic ? ClientTypes.Public : ClientTypes.Confidential,
            ConsentType = ConsentTypes.Explicit,
            DisplayName = draft.Name,
        };
        descriptor.Permissions.UnionWith(draft.Grants.Select(g => Permissions.Prefixes.GrantType + g));
        descriptor.RedirectUris.UnionWith(draft.RedirectUris.Select(u => new Uri(u)));
        descriptor.Properties[KeyProperty] = JsonSerializer.SerializeToElement(draft.Key);
        descriptor.Properties[ApplicationProperty] = JsonSerializer.SerializeToElement(draft.Application);
        return descriptor;
    }

    /// <summary>A property of a client; empty when it has none.</summary>
    public static string Property(IReadOnlyDictionary<string, JsonElement> properties, string name) =>
        properties.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : "";

    /// <summary>Throws <see cref="ProblemsException"/> with all that is wrong with a draft.</summary>
    public static void Check(ClientDraft draft)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        foreach (var grant in draft.Grants.Where(g => !Grants.Contains(g)))
        {
            problems.Add(
                new(
                    "/grants",
                    $"'{grant[..Math.Min(60, grant.Length)]}' is no grant type",
                    $"take of {string.Join(", ", Grants)}"
                )
            );
        }

        if (draft.Grants.IsEmpty)
        {
            problems.Add(new("/grants", "A client has at least one grant type", "client_credentials is the usual one"));
        }

        if (draft.IsPublic && draft.Grants.Any(g => g is GrantTypes.ClientCredentials or GrantTypes.TokenExchange))
        {
            problems.Add(
                new(
                    "/grants",
                    "A public client keeps no secret, so it cannot speak for itself",
                    "take authorization_code, refresh_token or the device code"
                )
            );
        }

        if (draft.Grants.Contains(GrantTypes.AuthorizationCode) && draft.RedirectUris.IsEmpty)
        {
            problems.Add(
                new(
                    "/redirectUris",
                    "authorization_code needs to know where to send browsers back to",
                    "give one such as https://shop.example/callback"
                )
            );
        }

        if (draft.RedirectUris.Length > 20)
        {
            problems.Add(new("/redirectUris", "A client has at most 20 redirect URIs", "make another client"));
        }

        foreach (var text in draft.RedirectUris.Where(u => !MayRedirect(u)))
        {
            problems.Add(
                new(
                    "/redirectUris",
                    $"'{text[..Math.Min(80, text.Length)]}' cannot be a redirect URI",
                    "give an absolute https address without fragment; http works for loopback addresses, and apps may use a scheme of theirs with a dot in it (RFC 8252 §7)"
                )
            );
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }
    }

    private static bool MayRedirect(string text) =>
        text.Length <= 1000
        && Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.Fragment.Length == 0
        && uri.UserInfo.Length == 0
        && !text.Contains('*', StringComparison.Ordinal)
        && (
            uri.Scheme == Uri.UriSchemeHttps
            || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback)
            || uri.Scheme.Contains('.', StringComparison.Ordinal)
        );

    private static string Random(int bytes) => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(bytes));
}
