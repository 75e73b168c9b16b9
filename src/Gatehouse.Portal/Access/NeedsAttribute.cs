using Gatehouse.Management;
using Microsoft.AspNetCore.Authorization;

namespace Gatehouse.Portal.Access;

/// <summary>A page that only roles with the permission may open.</summary>
/// <param name="permission">The permission, as the REST route behind the page asks for it.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsAttribute(Permission permission)
    : AuthorizeAttribute,
        IAuthorizationRequirement,
        IAuthorizationRequirementData
{
    /// <summary>The permission.</summary>
    public Permission Permission { get; } = permission;

    /// <inheritdoc/>
    public IEnumerable<IAuthorizationRequirement> GetRequirements() => [this];
}

internal sealed class NeedsHandler : AuthorizationHandler<NeedsAttribute>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, NeedsAttribute requirement)
    {
        if (Caller.Of(context.User, "")?.May(requirement.Permission) == true)
        {
            context.Succeed(requirement);
        }

        return Task.CompletedTask;
    }
}
