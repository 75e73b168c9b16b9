using System.Text;
using Gatehouse.Deployment.Trust;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Identity's store on our tables. What it keeps for second factors, the key of an authenticator and recovery codes, lies wrapped by the cluster key.</summary>
/// <param name="context">The tables.</param>
/// <param name="key">Wraps.</param>
internal sealed class UserStore(UsersContext context, ClusterKey key) : UserOnlyStore<User, UsersContext>(context)
{
    public override async Task SetTokenAsync(
        User user,
        string loginProvider,
        string name,
        string? value,
        CancellationToken cancellationToken
    ) =>
        await base.SetTokenAsync(
                user,
                loginProvider,
                name,
                value is null
                    ? null
                    : Convert.ToBase64String(key.Wrap(NameOf(user, name), Encoding.UTF8.GetBytes(value))),
                cancellationToken
            )
            .ConfigureAwait(false);

    public override async Task<string?> GetTokenAsync(
        User user,
        string loginProvider,
        string name,
        CancellationToken cancellationToken
    )
    {
        var wrapped = await base.GetTokenAsync(user, loginProvider, name, cancellationToken).ConfigureAwait(false);
        return wrapped is null
            ? null
            : Encoding.UTF8.GetString(key.Unwrap(NameOf(user, name), Convert.FromBase64String(wrapped)));
    }

    private static string NameOf(User user, string name) => $"user/{user.Id}/{name}";
}
