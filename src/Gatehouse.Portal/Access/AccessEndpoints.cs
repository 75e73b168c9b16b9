using Gatehouse.Management;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Portal.Access;

/// <summary>What is no page: signing out and choosing light or dark.</summary>
internal static class AccessEndpoints
{
    public static void MapAccess(this IEndpointRouteBuilder app)
    {
        app.MapPost("/sign-out", SignOutAsync);
        app.MapPost("/theme", SetTheme);
    }

    private static async Task<IResult> SignOutAsync(
        HttpContext http,
        [FromForm(Name = "leave")] string? leave,
        Session session,
        Sessions sessions,
        CancellationToken cancellation
    )
    {
        if (leave is not null && session.Caller is { } caller)
        {
            await sessions.EndAsync(caller.TokenId, caller.User, cancellation).ConfigureAwait(false);
        }

        await http.SignOutAsync(SessionAuthentication.Scheme).ConfigureAwait(false);
        return TypedResults.LocalRedirect("/sign-in?left=1");
    }

    private static IResult SetTheme(
        HttpContext http,
        [FromForm(Name = "theme")] string? theme,
        [FromForm(Name = "back")] string? back
    )
    {
        Theme.Write(http.Response, theme);
        return TypedResults.LocalRedirect(LocalPath.Or(back, "/admin"));
    }
}

/// <summary>Light, dark, or as the system has it.</summary>
internal static class Theme
{
    private const string Name = "gatehouse-theme";

    /// <summary><c>light</c>, <c>dark</c>, or null for the system's.</summary>
    public static string? Of(HttpRequest? request) =>
        request?.Cookies[Name] is ("light" or "dark") and { } chosen ? chosen : null;

    public static void Write(HttpResponse response, string? theme) =>
        response.Cookies.Append(
            Name,
            theme is "light" or "dark" ? theme : "system",
            new()
            {
                Path = "/",
                Secure = true,
                HttpOnly = true,
                SameSite = SameSiteMode.Lax,
                MaxAge = TimeSpan.FromDays(365),
            }
        );
}
