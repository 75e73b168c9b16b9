using System.Diagnostics.CodeAnalysis;
using Gatehouse.Management;
using Gatehouse.Portal.Access;
using Gatehouse.Portal.Admin;
using Gatehouse.Portal.Assets;
using Gatehouse.Portal.DevPortal;
using Gatehouse.Portal.Kit;
using Gatehouse.Portal.Live;
using Gatehouse.Portal.Publisher;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Portal;

/// <summary>
/// Management console, publisher and developer portal: an ASP.NET Core application of its own inside the manager's. It is
/// built when the first page is asked for, because a manager has to serve nodes before it serves people, and it uses the
/// manager's services, the same ones that REST uses.
/// </summary>
/// <param name="management">The manager's services.</param>
/// <param name="options">What the node gives.</param>
public sealed class PortalHost(IServiceProvider management, PortalOptions options) : IAsyncDisposable
{
    private static readonly string[] s_roots =
    [
        "/admin",
        "/publisher",
        "/devportal",
        "/sign-in",
        "/sign-out",
        "/theme",
        "/me",
        "/live",
        "/assets",
        "/_framework",
        "/carbon",
        "/status",
    ];

    private readonly Lazy<Task<Running>> _running = new(() => Task.Run(() => Build(management, options)));

    /// <summary>True for what the portal answers: its pages, and the root that leads to them.</summary>
    public static bool Owns(PathString path) =>
        path == "/" || s_roots.Any(root => path.StartsWithSegments(root, StringComparison.Ordinal));

    /// <summary>Answers a request for which <see cref="Owns"/> is true.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        var running = await _running.Value.ConfigureAwait(false);
        var outer = http.RequestServices;
        var scope = running.Application.Services.CreateAsyncScope();
        await using (scope.ConfigureAwait(false))
        {
            http.Items[typeof(ManagerScope)] = outer;
            http.RequestServices = scope.ServiceProvider;
            try
            {
                await running.Pipeline(http).ConfigureAwait(false);
            }
            finally
            {
                http.RequestServices = outer;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_running.IsValueCreated)
        {
            await (await _running.Value.ConfigureAwait(false)).Application.DisposeAsync().ConfigureAwait(false);
        }
    }

    [SuppressMessage("Usage", "ASP0014", Justification = "Only a started application adds its routes itself.")]
    private static Running Build(IServiceProvider management, PortalOptions options)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        var services = builder.Services;
        // Never started: requests come through the manager's pipeline, not through a server of its own.
        services.AddSingleton(management.GetRequiredService<IServer>());
        services.AddSingleton(management.GetRequiredService<ILoggerFactory>());
        services.AddSingleton(management.GetRequiredService<TimeProvider>());
        services.AddSingleton(options);
        services.AddManagement(management);
        services.AddSingleton<PortalAssets>();
        services.AddSingleton<DocumentFetch>();
        services.AddSingleton<TryIt>();
        services.Configure<FormOptions>(o =>
        {
            // An OpenAPI document travels in a field.
            o.ValueLengthLimit = 21 << 20;
            o.MultipartBodyLengthLimit = 22 << 20;
        });
        services.AddScoped<Session>();
        services.AddScoped<Flash>();
        services.AddRouting();
        services.AddRazorComponents(o => o.DetailedErrors = false);
        services.AddAntiforgery(o =>
        {
            o.Cookie.Name = "__Host-gatehouse-form";
            o.Cookie.SecurePolicy = CookieSecurePolicy.Always;
            o.Cookie.SameSite = SameSiteMode.Strict;
            o.Cookie.Path = "/";
            o.FormFieldName = "__form";
        });
        // The manager's: any manager takes a form and a cookie that another one gave out.
        services.AddSingleton(management.GetRequiredService<IDataProtectionProvider>());
        services.AddAuthentication(SessionAuthentication.Scheme).AddSessions();
        services.PostConfigure<CookieAuthenticationOptions>(
            SessionAuthentication.Scheme,
            o =>
            {
                o.ReturnUrlParameter = "return";
                o.Events.OnRedirectToLogin = context =>
                {
                    context.Response.Redirect(context.RedirectUri);
                    return Task.CompletedTask;
                };
                o.Events.OnRedirectToAccessDenied = context =>
                {
                    context.Response.StatusCode = StatusCodes.Status403Forbidden;
                    return Task.CompletedTask;
                };
            }
        );
        services.AddSingleton<IAuthorizationHandler, NeedsHandler>();
        services.AddAuthorization();
        services.Configure<ExceptionHandlerOptions>(o =>
        {
            o.ExceptionHandlingPath = "/status/500";
            o.CreateScopeForErrors = true;
            // What a user asked for wrongly is told on the page; it is no fault of the manager's.
            o.SuppressDiagnosticsCallback = context => Failure.IsExpected(context.Exception);
        });

        var application = builder.Build();
        IApplicationBuilder pipeline = application;
        pipeline.UseExceptionHandler();
        pipeline.Use(KeepErrorPageAsync);
        pipeline.UseStatusCodePagesWithReExecute("/status/{0}");
        pipeline.Use(SecurityHeaders.AddAsync);
        pipeline.UseRouting();
        // Styles and scripts are everybody's, also of the page that tells of a database that is gone.
        pipeline.UseWhen(
            http => !LostTheDatabase(http) && !http.Request.Path.StartsWithSegments("/assets"),
            known => known.UseAuthentication()
        );
        pipeline.Use(Session.BeginAsync);
        pipeline.UseAuthorization();
        pipeline.UseAntiforgery();
        pipeline.UseEndpoints(Map);
        return new(application, pipeline.Build());
    }

    /// <summary>True while the page is rendered that tells of a database that does not answer.</summary>
    internal static bool LostTheDatabase(HttpContext http) =>
        Failure.IsOfTheDatabase(http.Features.Get<IExceptionHandlerFeature>()?.Error);

    // Blazor leaves a page with status 404 unwritten, for the middleware of bare statuses to tell it; the page that tells of an
    // exception is told already.
    private static Task KeepErrorPageAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Features.Get<IExceptionHandlerPathFeature>() is { } failed)
        {
            http.Features.Set<IStatusCodeReExecuteFeature>(
                new StatusCodeReExecuteFeature { OriginalPath = failed.Path, OriginalPathBase = "" }
            );
        }

        return next(http);
    }

    private static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapAssets();
        endpoints.MapLive();
        endpoints.MapAccess();
        endpoints.MapAuditExport();
        endpoints.MapGet("/", () => TypedResults.LocalRedirect("/admin"));
        // The address of the old management console. A fragment, which may hold a sign-in code, survives the redirect.
        endpoints.MapGet("/carbon/{**rest}", () => TypedResults.LocalRedirect("/admin"));
        endpoints.MapRazorComponents<App>();
    }

    private sealed record Running(WebApplication Application, RequestDelegate Pipeline);
}
