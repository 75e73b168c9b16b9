using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Management;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Gatehouse.KeyManager;

/// <summary>A client's metadata (RFC 7591 §2), as it comes in and goes out.</summary>
public sealed record ClientMetadata
{
    /// <summary>What a user reads when asked for consent; also the name of the application that is made for it.</summary>
    [JsonPropertyName("client_name")]
    public string? Name { get; init; }

    /// <summary>Where a browser may be sent back to.</summary>
    [JsonPropertyName("redirect_uris")]
    public ImmutableArray<string>? RedirectUris { get; init; }

    /// <summary>The grants it may use.</summary>
    [JsonPropertyName("grant_types")]
    public ImmutableArray<string>? GrantTypes { get; init; }

    /// <summary><c>client_secret_basic</c>, <c>client_secret_post</c>, or <c>none</c> for a public client.</summary>
    [JsonPropertyName("token_endpoint_auth_method")]
    public string? AuthMethod { get; init; }

    /// <summary>Its id; on the way out.</summary>
    [JsonPropertyName("client_id")]
    public string? ClientId { get; init; }

    /// <summary>Its secret; once, on the way out.</summary>
    [JsonPropertyName("client_secret")]
    public string? Secret { get; init; }

    /// <summary>0: the secret does not end by itself.</summary>
    [JsonPropertyName("client_secret_expires_at")]
    public long? SecretExpiresAt { get; init; }

    /// <summary>When it was made, in seconds.</summary>
    [JsonPropertyName("client_id_issued_at")]
    public long? IssuedAt { get; init; }

    /// <summary>Opens the client's own configuration; once, on the way out.</summary>
    [JsonPropertyName("registration_access_token")]
    public string? RegistrationToken { get; init; }

    /// <summary>Where that is.</summary>
    [JsonPropertyName("registration_client_uri")]
    public string? RegistrationUri { get; init; }
}

/// <summary>
/// Dynamic client registration (RFC 7591) and its management (RFC 7592). The initial access token is any token of the REST
/// API that may make applications: a client belongs to an application, and an application to a user.
/// </summary>
internal sealed class ClientRegistration(IOpenIddictApplicationManager clients, Applications applications, ApiKeys keys)
{
    public async Task<ClientMetadata> RegisterAsync(
        ClientMetadata ask,
        Uri endpoint,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var name =
            ask.Name
            ?? throw new ProblemsException([new("/client_name", "The client has no name", "give a client_name")]);
        var draft = DraftOf(ask, name);
        Clients.Check(draft);
        if (!caller.May(Permission.Publish))
        {
            RefusePublishersGrants(draft.Grants);
        }

        var application = await applications.CreateAsync(name, null, caller, cancellation).ConfigureAwait(false);
        CreatedKey made;
        try
        {
            made = await keys.CreateAsync(
                    application.Id,
                    new CreateKey(
                        Type: "oauth2",
                        Grants: draft.Grants,
                        RedirectUris: draft.RedirectUris,
                        Public: draft.IsPublic
                    ),
                    null,
                    caller,
                    cancellation
                )
                .ConfigureAwait(false);
        }
        catch
        {
            // Without its client it would only be in the way of the next try.
            await applications.DeleteAsync(application.Id, caller, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        var token = "ghr_" + RandomNumberGenerator.GetHexString(64, lowercase: true);
        var client = (await clients.FindByClientIdAsync(made.Key.ClientId!, cancellation).ConfigureAwait(false))!;
        var descriptor = new OpenIddictApplicationDescriptor();
        await clients.PopulateAsync(descriptor, client, cancellation).ConfigureAwait(false);
        descriptor.Properties[Clients.RegistrationProperty] = JsonSerializer.SerializeToElement(Hash(token));
        await clients.UpdateAsync(client, descriptor, cancellation).ConfigureAwait(false);
        return View(draft, made.Key.ClientId!, endpoint, made.Key.CreatedAt) with
        {
            Secret = made.Secret,
            SecretExpiresAt = made.Secret is null ? null : 0,
            RegistrationToken = token,
        };
    }

    private static void RefusePublishersGrants(IEnumerable<string> grants)
    {
        if (grants.Any(g => g is GrantTypes.Password or GrantTypes.TokenExchange))
        {
            throw new ProblemsException([
                new(
                    "/grant_types",
                    "Clients with password or token exchange are made by publishers",
                    "ask one of them, or leave these grants out"
                ),
            ]);
        }
    }

    /// <summary>The client that a registration token opens; null when it opens none of that id.</summary>
    public async Task<(object Client, OpenIddictApplicationDescriptor Descriptor)?> FindAsync(
        string clientId,
        string token,
        CancellationToken cancellation
    )
    {
        if (await clients.FindByClientIdAsync(clientId, cancellation).ConfigureAwait(false) is not { } client)
        {
            return null;
        }

        var descriptor = new OpenIddictApplicationDescriptor();
        await clients.PopulateAsync(descriptor, client, cancellation).ConfigureAwait(false);
        var kept = Clients.Property(descriptor.Properties, Clients.RegistrationProperty);
        return CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(kept),
            Encoding.ASCII.GetBytes(Hash(token))
        )
            ? (client, descriptor)
            : null;
    }

    public static ClientMetadata Show(OpenIddictApplicationDescriptor descriptor, Uri endpoint) =>
        View(DraftOf(descriptor), descriptor.ClientId!, endpoint, null);

    public async Task<ClientMetadata> ReplaceAsync(
        object client,
        OpenIddictApplicationDescriptor descriptor,
        ClientMetadata ask,
        Uri endpoint,
        CancellationToken cancellation
    )
    {
        var before = DraftOf(descriptor);
        var draft = DraftOf(ask, ask.Name ?? before.Name) with { IsPublic = before.IsPublic };
        Clients.Check(draft);
        // A registration token says which client it is, not what its maker may.
        RefusePublishersGrants(draft.Grants.Except(before.Grants));
        var next = Clients.Describe(draft, descriptor.ClientId!, null);
        descriptor.DisplayName = next.DisplayName;
        descriptor.RedirectUris.Clear();
        descriptor.RedirectUris.UnionWith(next.RedirectUris);
        descriptor.Permissions.Clear();
        descriptor.Permissions.UnionWith(next.Permissions);
        await clients.UpdateAsync(client, descriptor, cancellation).ConfigureAwait(false);
        return View(draft, descriptor.ClientId!, endpoint, null);
    }

    /// <summary>Ends the client with the application that was made for it.</summary>
    public async Task DeleteAsync(
        OpenIddictApplicationDescriptor descriptor,
        string from,
        CancellationToken cancellation
    )
    {
        var caller = new Caller($"client {descriptor.ClientId}", Roles.Admin, "", from);
        var application = Clients.Property(descriptor.Properties, Clients.ApplicationProperty);
        await keys.RevokeAsync(Clients.Property(descriptor.Properties, Clients.KeyProperty), caller, cancellation)
            .ConfigureAwait(false);
        if ((await keys.ListAsync(application, caller, cancellation).ConfigureAwait(false)).IsEmpty)
        {
            await applications.DeleteAsync(application, caller, cancellation).ConfigureAwait(false);
        }
    }

    private static ClientMetadata View(ClientDraft draft, string clientId, Uri endpoint, DateTimeOffset? issued) =>
        new()
        {
            Name = draft.Name,
            RedirectUris = draft.RedirectUris,
            GrantTypes = draft.Grants,
            AuthMethod = draft.IsPublic ? "none" : "client_secret_basic",
            ClientId = clientId,
            IssuedAt = issued?.ToUnixTimeSeconds(),
            RegistrationUri = $"{endpoint.AbsoluteUri}/{Uri.EscapeDataString(clientId)}",
        };

    private static ClientDraft DraftOf(ClientMetadata ask, string name)
    {
        if (ask.AuthMethod is not (null or "client_secret_basic" or "client_secret_post" or "none"))
        {
            throw new ProblemsException([
                new(
                    "/token_endpoint_auth_method",
                    "That way to prove a client is not served",
                    "take client_secret_basic, client_secret_post or none"
                ),
            ]);
        }

        return new(
            "",
            "",
            name,
            // RFC 7591 §2: authorization_code when nothing is said.
            ask.GrantTypes
                is { IsDefaultOrEmpty: false } grants
                ? grants
                : [GrantTypes.AuthorizationCode],
            ask.RedirectUris is { IsDefault: false } uris ? uris : [],
            ask.AuthMethod == "none"
        );
    }

    private static ClientDraft DraftOf(OpenIddictApplicationDescriptor descriptor) =>
        new(
            "",
            "",
            descriptor.DisplayName ?? "",
            [
                .. descriptor
                    .Permissions.Where(p => p.StartsWith(Permissions.Prefixes.GrantType, StringComparison.Ordinal))
                    .Select(p => p[Permissions.Prefixes.GrantType.Length..])
                    .Order(StringComparer.Ordinal),
            ],
            [.. descriptor.RedirectUris.Select(u => u.OriginalString)],
            descriptor.ClientType == ClientTypes.Public
        );

    private static string Hash(string token) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}

internal static class RegistrationEndpoints
{
    private const string Path = "/oauth2/register";

    public static void MapRegistration(this IEndpointRouteBuilder app)
    {
        app.MapPost(Path, RegisterAsync).Require(Permission.Subscribe);
        // Their token is the client's own (RFC 7592 §3), and they judge it themselves.
        app.MapGet(Path + "/{client}", ShowAsync).AllowAnonymous();
        app.MapPut(Path + "/{client}", ReplaceAsync).AllowAnonymous();
        app.MapDelete(Path + "/{client}", DeleteAsync).AllowAnonymous();
    }

    private static async Task<IResult> RegisterAsync(
        ClientMetadata ask,
        HttpContext http,
        Caller caller,
        ClientRegistration registration,
        CancellationToken cancellation
    )
    {
        http.Response.Headers.CacheControl = "no-store";
        try
        {
            return Results.Json(
                await registration.RegisterAsync(ask, EndpointOf(http), caller, cancellation).ConfigureAwait(false),
                statusCode: StatusCodes.Status201Created
            );
        }
        catch (ProblemsException wrong)
        {
            return Refuse(wrong);
        }
    }

    private static Task<IResult> ShowAsync(
        string client,
        HttpContext http,
        ClientRegistration registration,
        CancellationToken cancellation
    ) =>
        WithClientAsync(
            client,
            http,
            registration,
            (_, descriptor) => Task.FromResult(Results.Json(ClientRegistration.Show(descriptor, EndpointOf(http)))),
            cancellation
        );

    private static Task<IResult> ReplaceAsync(
        string client,
        ClientMetadata ask,
        HttpContext http,
        ClientRegistration registration,
        CancellationToken cancellation
    ) =>
        WithClientAsync(
            client,
            http,
            registration,
            async (known, descriptor) =>
                Results.Json(
                    await registration
                        .ReplaceAsync(known, descriptor, ask, EndpointOf(http), cancellation)
                        .ConfigureAwait(false)
                ),
            cancellation
        );

    private static Task<IResult> DeleteAsync(
        string client,
        HttpContext http,
        ClientRegistration registration,
        CancellationToken cancellation
    ) =>
        WithClientAsync(
            client,
            http,
            registration,
            async (_, descriptor) =>
            {
                await registration
                    .DeleteAsync(descriptor, http.Connection.RemoteIpAddress?.ToString() ?? "", cancellation)
                    .ConfigureAwait(false);
                return Results.NoContent();
            },
            cancellation
        );

    private static async Task<IResult> WithClientAsync(
        string client,
        HttpContext http,
        ClientRegistration registration,
        Func<object, OpenIddictApplicationDescriptor, Task<IResult>> act,
        CancellationToken cancellation
    )
    {
        http.Response.Headers.CacheControl = "no-store";
        var header = http.Request.Headers.Authorization.ToString();
        if (
            !header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            || await registration
                .FindAsync(client, header["Bearer ".Length..].Trim(), cancellation)
                .ConfigureAwait(false)
                is not var (known, descriptor)
        )
        {
            http.Response.Headers.WWWAuthenticate = "Bearer error=\"invalid_token\"";
            return Results.Json(
                new Dictionary<string, string> { ["error"] = Errors.InvalidToken },
                statusCode: StatusCodes.Status401Unauthorized
            );
        }

        try
        {
            return await act(known, descriptor).ConfigureAwait(false);
        }
        catch (ProblemsException wrong)
        {
            return Refuse(wrong);
        }
    }

    private static IResult Refuse(ProblemsException wrong) =>
        Results.Json(
            new Dictionary<string, string>
            {
                ["error"] = wrong.Problems[0].Pointer.StartsWith("/redirect", StringComparison.Ordinal)
                    ? "invalid_redirect_uri"
                    : "invalid_client_metadata",
                ["error_description"] = string.Join("; ", wrong.Problems.Select(p => $"{p.Message}: {p.Fix}")),
            },
            statusCode: StatusCodes.Status400BadRequest
        );

    private static Uri EndpointOf(HttpContext http) =>
        new($"{http.Request.Scheme}://{http.Request.Host}{http.Request.PathBase}{Path}");
}
