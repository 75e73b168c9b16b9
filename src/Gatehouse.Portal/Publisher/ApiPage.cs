using Gatehouse.Management;
using Gatehouse.Portal.Kit;
using Microsoft.AspNetCore.Components;

namespace Gatehouse.Portal.Publisher;

/// <summary>A page about one API: the API as it stands is read before anything else.</summary>
public abstract class ApiPage : PortalPage
{
    /// <summary><c>name:version</c>.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    /// <summary>The APIs.</summary>
    [Inject]
    protected ApiDefinitions Definitions { get; set; } = null!;

    /// <summary>Their revisions.</summary>
    [Inject]
    protected Revisions Revisions { get; set; } = null!;

    /// <summary>The definition and its epoch.</summary>
    protected StoredEntity<ApiDefinition> Stored { get; private set; } = null!;

    /// <summary>The definition.</summary>
    protected ApiDefinition Api => Stored.Value;

    /// <summary>What a list shows of it.</summary>
    protected ApiSummary Summary { get; private set; } = null!;

    /// <summary>The address of the API's own page.</summary>
    protected string Home => $"/publisher/apis/{Uri.EscapeDataString(Stored.Name)}";

    /// <inheritdoc/>
    protected sealed override async Task OnInitializedAsync()
    {
        await ReadAsync();
        await LoadAsync();
    }

    /// <summary>Reads what else the page shows.</summary>
    protected virtual Task LoadAsync() => Task.CompletedTask;

    /// <summary>Reads the API anew.</summary>
    protected async Task ReadAsync()
    {
        Stored = await Definitions.GetAsync(Id, Cancellation);
        Summary = (await Revisions.SummariesAsync([Stored.Name], Cancellation))[0];
    }

    /// <summary>Changes fields of the definition when nobody else did since the page was shown, and says so.</summary>
    protected Task EditAsync(ApiEdit edit, string done) =>
        DoAsync(
            () =>
            {
                Require(Permission.Publish);
                return Definitions.EditAsync(Stored.Name, edit, Epoch(), Session.Required.Actor, Cancellation);
            },
            done
        );

    /// <summary>The epoch the form was made at, so that two who edit at once do not overwrite each other.</summary>
    protected long? Epoch() =>
        long.TryParse(Field("epoch"), System.Globalization.CultureInfo.InvariantCulture, out var epoch) ? epoch : null;
}
