using Gatehouse.Management;
using Gatehouse.Portal.Access;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Portal.Kit;

/// <summary>What every page has: who looks at it, the form that was sent, and what went wrong with it.</summary>
public abstract class PortalPage : Loaded
{
    /// <summary>The request. Pages are rendered on the server for one request each.</summary>
    [CascadingParameter]
    public HttpContext Http { get; set; } = null!;

    /// <summary>Who looks at the page.</summary>
    [Inject]
    protected Session Session { get; set; } = null!;

    /// <summary>Where the page is, and the way to another.</summary>
    [Inject]
    protected NavigationManager Navigation { get; set; } = null!;

    /// <summary>What is said on the next page.</summary>
    [Inject]
    protected Flash Flash { get; set; } = null!;

    /// <summary>Why the form was not done; null while nothing failed.</summary>
    protected Failure? Failure { get; set; }

    /// <summary>Ends with the request.</summary>
    protected CancellationToken Cancellation => Http.RequestAborted;

    /// <summary>A field of the form that was sent, without spaces around it; empty when it is not there.</summary>
    protected string Field(string name) => Http.Request.HasFormContentType ? $"{Http.Request.Form[name]}".Trim() : "";

    /// <summary>What was sent under a name that several fields have, such as boxes that were ticked.</summary>
    protected string[] Fields(string name) =>
        Http.Request.HasFormContentType
            ? [.. Http.Request.Form[name].OfType<string>().Where(v => v.Length > 0).Distinct(StringComparer.Ordinal)]
            : [];

    /// <summary>A field's lines, each without spaces around it, empty ones left out.</summary>
    protected string[] Lines(string name) =>
        Field(name).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A parameter of the address; null when it is not there or empty.</summary>
    protected string? Query(string name) => Http.Request.Query[name] is [{ Length: > 0 } value] ? value : null;

    /// <summary>
    /// Forms of a page that more people may read than change ask for the permission again: hiding a button guards nothing.
    /// Throws <see cref="ForbiddenException"/>.
    /// </summary>
    protected void Require(Permission permission)
    {
        if (!Session.May(permission))
        {
            throw new ForbiddenException(permission);
        }
    }

    /// <summary>Does what a form asks for. False, with <see cref="Failure"/> set, when it cannot be done.</summary>
    protected async Task<bool> TryAsync(Func<Task> act)
    {
        try
        {
            await act();
            Failure = null;
            return true;
        }
        catch (Exception e) when (Failure.IsExpected(e))
        {
            Failure = Failure.Of(e);
            return false;
        }
    }

    /// <summary>
    /// Sends the browser to another page of ours. Written out in full: on Linux a path alone passes for the address of a file,
    /// and Blazor then takes it for a foreign site.
    /// </summary>
    protected void GoTo(string path) => Navigation.NavigateTo(Navigation.ToAbsoluteUri(path).ToString());

    /// <summary>Does what a form asks for, says so and goes on to another page; stays and shows why when it cannot be done.</summary>
    protected async Task DoAsync(Func<Task> act, string done, string? to = null)
    {
        if (await TryAsync(act))
        {
            Flash.Say(done);
            GoTo(to ?? $"{Http.Request.Path}{Http.Request.QueryString}");
        }
    }
}

/// <summary>A form was sent by somebody whose role does not allow it.</summary>
/// <param name="permission">The permission it needs.</param>
public sealed class ForbiddenException(Permission permission)
    : Exception($"Your role does not allow this: the {permission.ToString().ToLowerInvariant()} permission is needed.");
