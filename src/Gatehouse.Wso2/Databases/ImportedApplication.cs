using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Wso2;

/// <summary>An application of an old database, as <c>POST /api/v1/takeovers</c> takes it. Of secrets it holds the hashes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Owner">Its subscriber.</param>
/// <param name="Document">All but the tokens.</param>
/// <param name="Tokens">Access tokens of its clients that count.</param>
public sealed record ImportedApplication(
    string Name,
    string Owner,
    JsonObject Document,
    ImmutableArray<ImportedToken> Tokens
)
{
    /// <summary>The requests it takes: tokens come in portions, each with the clients they belong to.</summary>
    public IEnumerable<JsonObject> Requests(int mostTokens)
    {
        if (Tokens.IsEmpty)
        {
            yield return Document;
        }

        foreach (var portion in Tokens.Chunk(mostTokens))
        {
            var request = (JsonObject)Document.DeepClone();
            request["tokens"] = new JsonArray([.. portion.Select(t => t.Json())]);
            yield return request;
        }
    }
}

/// <summary>An access token of an old database.</summary>
/// <param name="Hash">SHA-256 of it.</param>
/// <param name="LastFour">To recognise it by.</param>
/// <param name="ClientId">Whom it was issued to.</param>
/// <param name="User">Whom it speaks for; null for the client alone.</param>
/// <param name="Scopes">Its scopes.</param>
/// <param name="CreatedAt">When it was issued.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
public sealed record ImportedToken(
    Digest Hash,
    string LastFour,
    string ClientId,
    string? User,
    ImmutableArray<string> Scopes,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt
)
{
    internal JsonNode Json()
    {
        var token = new JsonObject
        {
            ["hash"] = Hash.ToString(),
            ["clientId"] = ClientId,
            ["lastFour"] = LastFour,
            ["createdAt"] = CreatedAt,
            ["scopes"] = new JsonArray([.. Scopes.Select(s => (JsonNode)s)]),
        };
        if (ExpiresAt is { } end)
        {
            token["expiresAt"] = end;
        }

        if (User is not null)
        {
            token["user"] = User;
        }

        return token;
    }
}
