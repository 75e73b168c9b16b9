namespace Gatehouse.Wso2;

/// <summary>WSO2's <c>securityScheme</c> list in our words.</summary>
internal static class Security
{
    /// <summary>Ways in with commas, and what a client certificate is to them.</summary>
    public static (string Auth, string? ClientCertificate) Of(IReadOnlyCollection<string> schemes)
    {
        var ways = new List<string>();
        foreach (var scheme in schemes)
        {
            switch (scheme.ToLowerInvariant())
            {
                case "oauth2":
                    ways.Add("oauth2");
                    break;
                case "api_key":
                    ways.Add("apikey");
                    break;
                case "basic_auth":
                    ways.Add("basic");
                    break;
                case "mutualssl":
                    ways.Add("mutualtls");
                    break;
                default:
                    break;
            }
        }

        var certificate =
            !ways.Contains("mutualtls") ? null
            : schemes.Contains("mutualssl_mandatory") && schemes.Contains("oauth_basic_auth_api_key_optional") ? "alone"
            : ways.Count == 1 ? "alone"
            : schemes.Contains("mutualssl_mandatory") ? "mandatory"
            : "optional";
        return (ways.Count == 0 ? "oauth2" : string.Join(',', ways.Distinct()), certificate);
    }
}
