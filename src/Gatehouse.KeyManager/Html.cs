using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.KeyManager;

/// <summary>A page without script. All that it is given goes in as text.</summary>
internal static class Html
{
    private const string Style =
        "body{font:16px/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1c2430;margin:0;display:grid;place-items:center;min-height:100vh}"
        + "main{background:#fff;border:1px solid #d8dde4;border-radius:8px;padding:2rem;width:min(24rem,calc(100vw - 5rem))}"
        + "h1{font-size:1.25rem;margin:0 0 1rem}label{display:block;margin:.75rem 0 .25rem}input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;border:1px solid #8a94a3;border-radius:4px}"
        + "button{font:inherit;margin:1.25rem .5rem 0 0;padding:.5rem 1.25rem;border:1px solid #1f5fbf;border-radius:4px;background:#1f5fbf;color:#fff;cursor:pointer}"
        + "button.second{background:#fff;color:#1f5fbf}p.bad{color:#a4161a}li{overflow-wrap:anywhere}"
        + "@media(prefers-color-scheme:dark){body{background:#12161c;color:#e6e9ee}main{background:#1b2129;border-color:#333c48}input{background:#12161c;color:inherit}}";

    /// <summary>Its style is named by its hash, so the policy needs no exception.</summary>
    private static readonly string s_styleHash = Convert.ToBase64String(
        System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Style))
    );

    /// <summary>Text, safe inside a page and inside an attribute in quotes.</summary>
    public static string Text(string? text) => HtmlEncoder.Default.Encode(text ?? "");

    /// <summary>The answer.</summary>
    /// <param name="http">Whose.</param>
    /// <param name="title">Heading and title.</param>
    /// <param name="body">HTML; every text in it went through <see cref="Text"/>.</param>
    /// <param name="formTo">Where a form's answer may redirect to besides here, as an origin or a scheme; null for nowhere.</param>
    /// <param name="status">The HTTP status.</param>
    public static IResult Page(HttpContext http, string title, string body, string? formTo = null, int status = 200)
    {
        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy =
            $"default-src 'none'; style-src 'sha256-{s_styleHash}'; base-uri 'none'; form-action 'self'{(formTo is null ? "" : $" {formTo}")}; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.CacheControl = "no-store";
        return Results.Content(
            $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{Text(title)}</title><style>{Style}</style></head><body><main><h1>{Text(title)}</h1>{body}</main></body></html>",
            "text/html; charset=utf-8",
            statusCode: status
        );
    }

    /// <summary>A page that goes on by itself. A redirect would be held against the form it answers.</summary>
    public static IResult GoOn(HttpContext http, string path)
    {
        http.Response.Headers["Refresh"] = $"0;url={path}";
        return Page(http, "Signed in", $"<p><a href=\"{Text(path)}\">Go on</a></p>");
    }
}
