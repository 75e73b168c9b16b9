using Microsoft.AspNetCore.Components;

namespace Gatehouse.Portal.Kit;

/// <summary>
/// A component that is rendered once it has read what it shows. Blazor's own renders before as well, as soon as something is
/// waited for; pages here are rendered for one request, and nobody would see that first picture.
/// </summary>
public abstract class Loaded : ComponentBase
{
    private bool _isInitialized;

    /// <inheritdoc/>
    public sealed override async Task SetParametersAsync(ParameterView parameters)
    {
        // A view of parameters is gone after the first wait.
        parameters.SetParameterProperties(this);
        if (!_isInitialized)
        {
            _isInitialized = true;
            OnInitialized();
            await OnInitializedAsync();
        }

        OnParametersSet();
        await OnParametersSetAsync();
        StateHasChanged();
    }
}
