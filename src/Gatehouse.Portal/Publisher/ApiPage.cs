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

    /// <summary>Who may do what with them.</summary>
    [Inject]
    protected ApiTeams Teams { get; set; } = null!;

    /// <summary>True when whoever looks may change the API.</summary>
    protected bool MayEdit { get; private set; }

    /// <summary>True when whoever looks may deploy the API and take it through its life.</summary>
    protected bool MayDeploy { get; private set; }

    /// <summary>True when whoever looks may delete the API and say who is in its team.</summary>
    protected bool MayOwn { get; private set; }

    /// <summary>The definition and its epoch.</summary>
    protected StoredEntity<ApiDefinition> Stored { get; private set; } = null!;

    /// <summary>The definition.</summary>
    protected ApiDefinition Api => Stored.Value;

    /// <summary>What a list shows of it.</summary>
    protected ApiSummary Summary { get; private set; } = null!;

    /// <summary>The address of the API's own page.</summary>
    protected string Home => $"/publisher/apis/{Words.InPath(Stored.Name)}";

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
        var name = await Teams.RequireAsync(Id, ApiRight.Read, Session.Required, Cancellation);
        MayEdit = await Teams.MayAsync(name, ApiRight.Edit, Session.Caller, Cancellation);
        MayDeploy = await Teams.MayAsync(name, ApiRight.Deploy, Session.Caller, Cancellation);
        MayOwn = await Teams.MayAsync(name, ApiRight.Own, Session.Caller, Cancellation);
        Stored = await Definitions.GetAsync(name, Cancellation);
        Summary = (await Revisions.SummariesAsync([Stored.Name], Cancellation))[0];
    }

    /// <summary>Forms ask again for the right: hiding a button guards nothing. Throws <see cref="ApiRightException"/>.</summary>
    protected void Require(ApiRight right)
    {
        if (
            !(
                right switch
                {
                    ApiRight.Deploy => MayDeploy,
                    ApiRight.Own => MayOwn,
                    _ => MayEdit,
                }
            )
        )
        {
            throw new ApiRightException(Stored.Name, right);
        }
    }

    /// <summary>Changes fields of the definition when nobody else did since the page was shown, and says so.</summary>
    protected Task EditAsync(ApiEdit edit, string done) =>
        DoAsync(
            () =>
            {
                Require(ApiRight.Edit);
                return Definitions.EditAsync(Stored.Name, edit, Epoch(), Session.Required.Actor, Cancellation);
            },
            done
        );

    /// <summary>The epoch the form was made at, so that two who edit at once do not overwrite each other.</summary>
    protected long? Epoch() =>
        long.TryParse(Field("epoch"), System.Globalization.CultureInfo.InvariantCulture, out var epoch) ? epoch : null;
}
