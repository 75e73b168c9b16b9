namespace Gatehouse.Wso2;

/// <summary>Which elements hold secrets: their text never enters a report.</summary>
internal static class Secrets
{
    private static readonly string[] s_words =
    [
        "password",
        "secret",
        "accesskey",
        "credential",
        "passphrase",
        "accesstoken",
        "refreshtoken",
    ];

    /// <summary>In place of a secret.</summary>
    public const string Mask = "(not shown)";

    /// <summary>True for <c>KeyPassword</c>, <c>SvnPassword</c>, <c>secretKey</c>, <c>ws.trust.store.Password</c>…</summary>
    public static bool IsSecret(string name) =>
        name.EndsWith("pass", StringComparison.OrdinalIgnoreCase)
        || s_words.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase));

    /// <summary>True for a text that stands for a secret kept elsewhere: <c>$secret{…}</c>, <c>svns:…</c>, <c>enc:…</c>, <c>${…}</c>.</summary>
    public static bool IsReference(string text) =>
        text.StartsWith("$secret{", StringComparison.Ordinal)
        || text.StartsWith("$env{", StringComparison.Ordinal)
        || text.StartsWith("${", StringComparison.Ordinal)
        || text.StartsWith("enc:", StringComparison.Ordinal);
}
