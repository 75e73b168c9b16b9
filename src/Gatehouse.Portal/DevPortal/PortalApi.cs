using System.Collections.Immutable;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Portal.Kit;
using Microsoft.AspNetCore.Components;

namespace Gatehouse.Portal.DevPortal;

/// <summary>A page of the developer portal about one API that whoever looks at it may see.</summary>
public abstract class PortalApi : PortalPage
{
    /// <summary><c>name:version</c>.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    /// <summary>The APIs.</summary>
    [Inject]
    protected ApiDefinitions Definitions { get; set; } = null!;

    /// <summary>How they are listed.</summary>
    [Inject]
    protected Listings Listings { get; set; } = null!;

    /// <summary>What lists show of them.</summary>
    [Inject]
    protected Revisions Revisions { get; set; } = null!;

    /// <summary>Plans.</summary>
    [Inject]
    protected LimitPolicies Policies { get; set; } = null!;

    /// <summary>Where it is called.</summary>
    [Inject]
    protected GatewayAddress Gateway { get; set; } = null!;

    /// <summary>The definition.</summary>
    protected ApiDefinition Api { get; private set; } = null!;

    /// <summary>What a list shows of it.</summary>
    protected ApiSummary Summary { get; private set; } = null!;

    /// <summary>How it is listed.</summary>
    protected ApiListing Listing { get; private set; } = null!;

    /// <summary>Where it can be called: one for each environment it is deployed in.</summary>
    protected ImmutableArray<GatewayDoor> Doors { get; private set; } = [];

    /// <summary>The one that was chosen, or the first; null while no node takes calls.</summary>
    protected GatewayDoor? Door { get; private set; }

    /// <summary>Context and version behind that one's address; null while no node takes calls.</summary>
    protected string? Address => Door?.Of(Summary.Address);

    /// <summary>The name people see.</summary>
    protected string Title => Listing.Title.Length > 0 ? Listing.Title : Api.Name;

    /// <summary>The address of the API's page.</summary>
    protected string Home => $"/devportal/apis/{Words.InPath(Api.Id)}";

    /// <summary>The header that carries its keys; null for an API that takes none.</summary>
    protected string? KeyHeader => Api.Security.Contains(SecurityScheme.ApiKey) ? Api.Access.ApiKeyHeader : null;

    /// <inheritdoc/>
    protected sealed override async Task OnInitializedAsync()
    {
        var name = await Listings.VisibleAsync(Id, Session.Caller, Cancellation);
        Api = (await Definitions.GetAsync(name, Cancellation)).Value;
        Summary = (await Revisions.SummariesAsync([name], Cancellation))[0];
        (Listing, _) = await Listings.GetAsync(name, Cancellation);
        Doors = await Gateway.DoorsAsync(Summary, Cancellation);
        Door = Doors.FirstOrDefault(d => d.Environment == Query("environment")) ?? Doors.FirstOrDefault();
        await LoadAsync();
    }

    /// <summary>Reads what else the page shows.</summary>
    protected virtual Task LoadAsync() => Task.CompletedTask;

    /// <summary>The plans that subscribers choose from.</summary>
    protected async Task<IReadOnlyList<Plan>> PlansAsync()
    {
        var all = await Policies.ListAsync(LimitKinds.Plans, Cancellation);
        return
        [
            .. all.Where(p =>
                p.Name != Plan.Unauthenticated && (Listing.Plans.IsEmpty || Listing.Plans.Contains(p.Name))
            ),
        ];
    }
}
