using System.Collections.Immutable;
using Gatehouse.Management;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.KeyManager;

/// <summary>The key manager.</summary>
/// <param name="Issuer">Its name among the issuers.</param>
/// <param name="Url">The <c>iss</c> of its tokens, below which discovery is.</param>
/// <param name="Keys">Its signing keys, the one that signs first.</param>
public sealed record KeyManagerView(string Issuer, string Url, ImmutableArray<SigningKeyView> Keys);

/// <summary>Asks for a new signing key.</summary>
/// <param name="Now">True to sign with it within seconds instead of a day: the old one may be known to somebody.</param>
public sealed record RotateKeys(bool Now = false);

internal static class KeyManagerEndpoints
{
    public static void MapKeyManager(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/key-manager", Show).WithSummary("The key manager and its signing keys").Require(Permission.Read);
        rest.MapPost("/key-manager/keys", RotateAsync)
            .Once()
            .WithSummary("Makes a new signing key")
            .Require(Permission.Administer);
    }

    private static Ok<KeyManagerView> Show(SigningKeys keys, KeyManagerSettings settings) =>
        TypedResults.Ok(new KeyManagerView(KeyManagerSettings.IssuerName, settings.IssuerUrl, keys.Views()));

    private static async Task<Created<SigningKeyView>> RotateAsync(
        RotateKeys? ask,
        Caller caller,
        SigningKeys keys,
        CancellationToken cancellation
    )
    {
        var key = await keys.RotateAsync(ask?.Now == true, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.Created("/api/v1/key-manager", key);
    }
}
