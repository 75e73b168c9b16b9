using Gatehouse.Management;
using Gatehouse.Portal.Access;
using Gatehouse.Portal.Kit;
using Microsoft.AspNetCore.Components;

namespace Gatehouse.Portal.Live;

/// <summary>A part of a page that is kept true while the page is open. Rendered with the page, and again whenever it may have changed.</summary>
public abstract class LivePanel : Loaded
{
    /// <summary>What it is about, such as a node's name; empty for panels of which there is one.</summary>
    [Parameter]
    public string Key { get; set; } = "";

    /// <summary>Who looks at it.</summary>
    [Inject]
    protected Session Session { get; set; } = null!;
}

/// <summary>A panel as a page asks for it: <c>name</c> or <c>name/key</c>.</summary>
/// <param name="Component">What renders it.</param>
/// <param name="Key">What it is about.</param>
/// <param name="Needs">Who may see it; null for everybody.</param>
internal sealed record LivePanelSpec(Type Component, string Key, Permission? Needs);
