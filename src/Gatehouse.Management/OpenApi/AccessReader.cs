using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Who may call, as WSO2's extensions say it: <c>x-wso2-application-security</c>, <c>x-wso2-mutual-ssl</c>,
/// <c>x-wso2-auth-header</c>, <c>x-wso2-api-key-header</c>, <c>x-wso2-disable-security</c> of the document; <c>x-auth-type</c>,
/// <c>x-scope</c> and the scopes of <c>security</c> of an operation.
/// </summary>
internal static class AccessReader
{
    private const int MostScopes = 64;

    public static DocumentAccess Read(DocumentNode root)
    {
        var security = new List<string>();
        var application = root["x-wso2-application-security"];
        foreach (var type in application?["security-types"]?.Items ?? [])
        {
            security.AddRange(
                type.Text switch
                {
                    "oauth2" => [SecurityScheme.OAuth2],
                    "api_key" => [SecurityScheme.ApiKey],
                    "basic_auth" => [SecurityScheme.Basic],
                    _ => (string[])[],
                }
            );
        }

        var mutual = root["x-wso2-mutual-ssl"]?.Text;
        if (!string.IsNullOrEmpty(mutual))
        {
            security.Add(SecurityScheme.MutualTls);
        }

        var isOff = root["x-wso2-disable-security"] is { Kind: NodeKind.Boolean, Text: "true" };
        return new(
            isOff ? []
                : security.Count == 0 ? null
                : [.. security.Distinct()],
            new()
            {
                CertificateMandatory = "Mandatory".Equals(mutual, StringComparison.OrdinalIgnoreCase),
                CredentialOptional =
                    !string.IsNullOrEmpty(mutual)
                    && application?["optional"] is { Kind: NodeKind.Boolean, Text: "true" },
                AuthorizationHeader = root["x-wso2-auth-header"] is { Kind: NodeKind.String, Text.Length: > 0 } header
                    ? header.Text
                    : "Authorization",
                ApiKeyHeader = root["x-wso2-api-key-header"] is { Kind: NodeKind.String, Text.Length: > 0 } key
                    ? key.Text
                    : "apikey",
            }
        );
    }

    /// <summary>The type of token that an operation takes.</summary>
    public static AuthType TypeOf(DocumentNode operation) =>
        (operation["x-auth-type"]?.Text ?? "").Replace("_", " ", StringComparison.Ordinal).ToUpperInvariant() switch
        {
            "APPLICATION" => AuthType.Application,
            "APPLICATION USER" => AuthType.ApplicationUser,
            _ => AuthType.Any,
        };

    /// <summary>
    /// The scopes of an operation, any of which is enough: WSO2's reading. OpenAPI asks for all scopes of one requirement;
    /// <paramref name="narrower"/> is true when that differs.
    /// </summary>
    public static ImmutableArray<string> ScopesOf(DocumentNode root, DocumentNode operation, out bool narrower)
    {
        var requirements = (operation["security"] ?? root["security"])?.Items ?? [];
        narrower = Schemes(root, requirements).Any(s => s.Value.Items.Count > 1 && s.Name != "default");
        var one = operation["x-scope"] is { Kind: NodeKind.String } said && IsScope(said.Text) ? said.Text : null;
        return ScopesOf(root, requirements, one);
    }

    /// <summary>The scopes in a list of requirements, and another.</summary>
    public static ImmutableArray<string> ScopesOf(
        DocumentNode root,
        IReadOnlyList<DocumentNode> requirements,
        string? another = null
    ) =>
        [
            .. Schemes(root, requirements)
                .SelectMany(s => s.Value.Items)
                .Select(s => s.Text)
                .Where(IsScope)
                .Concat(another is null ? [] : [another])
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal)
                .Take(MostScopes),
        ];

    private static IEnumerable<DocumentMember> Schemes(DocumentNode root, IReadOnlyList<DocumentNode> requirements) =>
        requirements.SelectMany(r => r.Members).Where(m => HasScopes(root, m.Name));

    /// <summary>True for a security scheme whose requirements list scopes.</summary>
    public static bool HasScopes(DocumentNode root, string scheme) =>
        (root["components"]?["securitySchemes"] ?? root["securityDefinitions"])?[scheme]?["type"]?.Text
            is "oauth2"
                or "openIdConnect";

    /// <summary>RFC 6749 §3.3.</summary>
    public static bool IsScope(string text) =>
        text.Length is > 0 and <= 256 && text.All(c => c is > ' ' and < (char)127 and not ('"' or '\\'));
}
