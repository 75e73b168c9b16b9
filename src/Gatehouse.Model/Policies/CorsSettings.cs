using System.Collections.Immutable;
using System.ComponentModel;

namespace Gatehouse.Model;

/// <summary>Settings of <c>cors</c>; the defaults are WSO2's (4.x CORSConfiguration).</summary>
public sealed record CorsSettings : IPolicySettings
{
    /// <summary>Who may call from a browser.</summary>
    [Description(
        "Origins whose pages may call: *, or scheme://host[:port], where the host may begin with *. for any sub-domain"
    )]
    public ImmutableArray<string> AllowOrigins { get; set; } = ["*"];

    /// <summary>Methods such a page may use, as far as the resource has them.</summary>
    [Description("Methods that a page may use, as far as the resource has them")]
    public ImmutableArray<string> AllowMethods { get; set; } = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"];

    /// <summary>Headers such a page may send.</summary>
    [Description("Request headers that a page may send")]
    public ImmutableArray<string> AllowHeaders { get; set; } =
    ["authorization", "Access-Control-Allow-Origin", "Content-Type", "SOAPAction", "apikey", "Internal-Key"];

    /// <summary>Headers of answers such a page may read.</summary>
    [Description("Headers of the answer that a page may read")]
    public ImmutableArray<string> ExposeHeaders { get; set; } = [];

    /// <summary>Whether cookies and stored credentials may come along.</summary>
    [Description("Whether a page may send cookies and stored credentials; not with the origin *")]
    public bool AllowCredentials { get; set; }

    /// <summary>Seconds a browser may remember a preflight.</summary>
    [Description("Seconds that a browser may remember the answer to a preflight; 0 leaves it to the browser")]
    public int MaxAge { get; set; }

    /// <summary>Whether a call from another origin is refused at once.</summary>
    [Description(
        "Answers 403 to a call from any other origin; otherwise it goes through and the browser keeps the answer from the page"
    )]
    public bool RefuseOthers { get; set; }

    IEnumerable<Problem> IPolicySettings.Check()
    {
        for (var i = 0; i < AllowOrigins.Length; i++)
        {
            if (AllowOrigins[i] == "*")
            {
                if (AllowCredentials)
                {
                    yield return new(
                        $"/allowOrigins/{i}",
                        "Every page on the web could act with its visitor's credentials",
                        "name the origins, or leave allowCredentials out"
                    );
                }
            }
            else if (!IsOrigin(AllowOrigins[i]))
            {
                yield return new(
                    $"/allowOrigins/{i}",
                    $"'{AllowOrigins[i]}' is no origin",
                    "write https://app.example.com or https://*.example.com"
                );
            }
        }

        foreach (
            var (pointer, names) in new[]
            {
                ("/allowMethods", AllowMethods),
                ("/allowHeaders", AllowHeaders),
                ("/exposeHeaders", ExposeHeaders),
            }
        )
        {
            for (var i = 0; i < names.Length; i++)
            {
                if (!HeaderRules.IsToken(names[i]))
                {
                    yield return new($"{pointer}/{i}", $"'{names[i]}' has characters that no such name has");
                }
            }
        }

        if (MaxAge is < 0 or > 86_400)
        {
            yield return new("/maxAge", "maxAge is 0 to 86400 seconds");
        }
    }

    // What a browser sends: scheme, host and a port that is not the scheme's own. No path, not even "/".
    private static bool IsOrigin(string text)
    {
        var plain = text.Replace("://*.", "://any.", StringComparison.Ordinal);
        return Uri.TryCreate(plain, UriKind.Absolute, out var uri)
            && (uri.Scheme is "http" or "https")
            && !plain.Contains('*', StringComparison.Ordinal)
            && uri.GetLeftPart(UriPartial.Authority).Equals(plain, StringComparison.OrdinalIgnoreCase)
            && uri.UserInfo.Length == 0;
    }
}
