using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>The console at <c>/admin</c>: three static files that read REST with the user's own token.</summary>
internal static class ConsoleEndpoints
{
    // No inline script or style, nothing from elsewhere, framed by nobody.
    private const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void MapConsole(this IEndpointRouteBuilder app)
    {
        app.MapGet("/admin", Page("console.html", "text/html; charset=utf-8")).AllowAnonymous();
        app.MapGet("/admin/console.css", Page("console.css", "text/css; charset=utf-8")).AllowAnonymous();
        app.MapGet("/admin/console.js", Page("console.js", "text/javascript; charset=utf-8")).AllowAnonymous();
        // The address of the old management console. A fragment, which may hold a sign-in code, survives the redirect.
        app.MapGet("/carbon/{**rest}", () => TypedResults.LocalRedirect("/admin")).AllowAnonymous();
        app.MapGet("/", () => TypedResults.LocalRedirect("/admin")).AllowAnonymous();
    }

    private static RequestDelegate Page(string name, string type)
    {
        var content = Read(name);
        return async http =>
        {
            var headers = http.Response.Headers;
            headers.ContentSecurityPolicy = ContentPolicy;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            headers.CacheControl = "no-cache";
            http.Response.ContentType = type;
            http.Response.ContentLength = content.Length;
            await http.Response.Body.WriteAsync(content, http.RequestAborted).ConfigureAwait(false);
        };
    }

    private static byte[] Read(string name)
    {
        using var stream =
            typeof(ConsoleEndpoints).Assembly.GetManifestResourceStream("console/" + name)
            ?? throw new InvalidOperationException($"The build lacks the console's {name}.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
