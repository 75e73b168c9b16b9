using Gatehouse.Management;
using Gatehouse.Portal.Kit;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Portal.Access;

/// <summary>Who looks at the page, for the length of one request.</summary>
public sealed class Session
{
    /// <summary>Who it is; null for somebody who is not signed in.</summary>
    public Caller? Caller { get; private set; }

    /// <summary>Who it is, on pages that only somebody signed in reaches.</summary>
    public Caller Required => Caller ?? throw new InvalidOperationException("Nobody is signed in.");

    /// <summary>True when their role allows it.</summary>
    public bool May(Permission permission) => Caller?.May(permission) == true;

    internal static async Task BeginAsync(HttpContext http, RequestDelegate next)
    {
        // Again when an error page is rendered, in a scope of its own.
        var services = http.RequestServices;
        services.GetRequiredService<ManagerScope>().Services = (IServiceProvider)http.Items[typeof(ManagerScope)]!;
        services.GetRequiredService<Flash>().Http = http;
        // Who it is stands in the database: the page that tells that it is gone is shown to nobody in particular.
        services.GetRequiredService<Session>().Caller = PortalHost.LostTheDatabase(http)
            ? null
            : await Caller.BindAsync(http).ConfigureAwait(false);
        await next(http).ConfigureAwait(false);
    }
}
