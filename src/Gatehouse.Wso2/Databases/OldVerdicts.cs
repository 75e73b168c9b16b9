namespace Gatehouse.Wso2;

/// <summary>What is said of tables that are not read.</summary>
internal static class OldVerdicts
{
    private static readonly (string Begin, Verdict Verdict)[] s_all =
    [
        (
            "AM_API_CLIENT_CERTIFICATE",
            Verdict.NeedsYou("bind each certificate: gatehouse key create APP --type certificate --certificate FILE")
        ),
        (
            "AM_CERTIFICATE_METADATA",
            Verdict.NeedsYou("certificates of backends: gatehouse api set API backend-ca=FILE")
        ),
        ("AM_EXTERNAL_STORES", Verdict.NotNeeded("of the old portal")),
        ("AM_API_URL_MAPPING", Verdict.NotNeeded("operations come with the APIs: gatehouse import wso2")),
        ("AM_API_RESOURCE_SCOPE", Verdict.NotNeeded("scopes come with the APIs: gatehouse import wso2")),
        ("AM_API_SCOPES", Verdict.NotNeeded("scopes come with the APIs: gatehouse import wso2")),
        (
            "AM_API_THROTTLE_POLICY",
            Verdict.NeedsYou(
                "limits of APIs come with apictl's export of rate limiting policies: gatehouse import wso2"
            )
        ),
        ("AM_CONDITION_GROUP", Verdict.NeedsYou("conditions of a limit of an API: gatehouse limit create api")),
        (
            "AM_POLICY_GLOBAL",
            Verdict.NeedsYou("a custom rule in Siddhi's language: write it anew: gatehouse limit create key")
        ),
        ("AM_API_LC_EVENT", Verdict.NotNeeded("history of the old lifecycle")),
        ("AM_API_RATINGS", Verdict.NotNeeded("ratings begin anew")),
        ("AM_API_COMMENTS", Verdict.NotNeeded("comments begin anew")),
        ("AM_API_DEFAULT_VERSION", Verdict.NotNeeded("comes with the APIs: gatehouse import wso2")),
        (
            "AM_WORKFLOWS",
            Verdict.NeedsYou("requests that wait for approval are decided in the old system, or made anew here")
        ),
        ("AM_APPLICATION_REGISTRATION", Verdict.NotNeeded("what a key was asked with; the key itself is read")),
        ("AM_SUBSCRIPTION_KEY_MAPPING", Verdict.NotNeeded("keys of 1.0; later ones are applications'")),
        ("AM_TIER_PERMISSIONS", Verdict.NeedsYou("who may take which tier: gatehouse api listing API --plans")),
        (
            "AM_THROTTLE_TIER_PERMISSIONS",
            Verdict.NeedsYou("who may take which tier: gatehouse api listing API --plans")
        ),
        ("IDN_OAUTH2_AUTHORIZATION_CODE", Verdict.NotNeeded("codes live for minutes")),
        ("IDN_OAUTH2_SCOPE", Verdict.NotNeeded("scopes come with the APIs: gatehouse import wso2")),
        ("IDN_OAUTH2_ACCESS_TOKEN_AUDIT", Verdict.NotNeeded("history")),
        ("IDN_OAUTH1A", Verdict.NeedsYou("OAuth 1.0a is not taken over: its clients have to change to OAuth 2")),
        ("IDN_OPENID", Verdict.NotNeeded("sign-ins of the old server")),
        ("IDN_SAML2", Verdict.NotNeeded("sign-ins of the old server")),
        (
            "UM_USER",
            Verdict.NeedsYou(
                "users are not taken over, their passwords cannot be: gatehouse user create NAME sends each a link"
            )
        ),
        ("AM_", Verdict.NotNeeded("nothing that a call depends on")),
        ("IDN_", Verdict.NotNeeded("nothing that a call depends on")),
        ("SP_", Verdict.NotNeeded("service providers; the clients that belong to them are read")),
        ("UM_", Verdict.NotNeeded("of the old user store")),
        ("REG_", Verdict.NotNeeded("the registry: its APIs come by apictl's export or a home")),
    ];

    /// <summary>Null for a table that is none of WSO2's.</summary>
    public static Verdict? Of(string table) =>
        Array.Find(s_all, v => table.StartsWith(v.Begin, StringComparison.Ordinal)).Verdict;
}
