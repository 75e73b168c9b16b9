using Microsoft.AspNetCore.Http;

namespace Gatehouse.Portal.Kit;

/// <summary>One sentence carried over a redirect: what was done. Shown once.</summary>
public sealed class Flash
{
    /// <summary>The request the sentence is read from and the answer it is written to.</summary>
    internal HttpContext? Http { get; set; }

    private const string Name = "__Host-gatehouse-flash";

    /// <summary>Says it on the next page.</summary>
    public void Say(string sentence) =>
        Http!.Response.Cookies.Append(
            Name,
            Uri.EscapeDataString(sentence.Length > 300 ? sentence[..300] : sentence),
            Form()
        );

    /// <summary>What the page before said; null when nothing.</summary>
    public string? Take()
    {
        var http = Http;
        if (http?.Request.Cookies[Name] is not { Length: > 0 and < 2000 } said || http.Response.HasStarted)
        {
            return null;
        }

        http.Response.Cookies.Delete(Name, Form());
        return Uri.UnescapeDataString(said);
    }

    private static CookieOptions Form() =>
        new()
        {
            Path = "/",
            Secure = true,
            HttpOnly = true,
            SameSite = SameSiteMode.Lax,
            MaxAge = TimeSpan.FromMinutes(1),
        };
}
