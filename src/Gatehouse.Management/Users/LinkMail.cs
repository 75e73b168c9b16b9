namespace Gatehouse.Management;

/// <summary>Sends invitations and resets to those they are for, when there is a mail server and an address.</summary>
/// <param name="mailer">Sends.</param>
/// <param name="options">Says where people reach the managers: the request that makes a link may name any host.</param>
public sealed class LinkMail(Mailer mailer, ManagementOptions options)
{
    /// <summary>The link, with where it was sent. Does not throw: one that could not be sent can still be copied.</summary>
    internal async Task<UserLink> SendAsync(User user, UserLink link, bool isInvitation, CancellationToken cancellation)
    {
        if (
            user.Email is not { Length: > 0 } to
            || options.PublicUrl() is not { } url
            || (await mailer.ReadAsync(cancellation).ConfigureAwait(false)).Host.Length == 0
        )
        {
            return link;
        }

        try
        {
            await mailer
                .SendAsync(
                    to,
                    isInvitation ? $"Your account at {options.Cluster}" : $"A new password at {options.Cluster}",
                    $"""
                    {(
                        isInvitation
                            ? $"You have an account at {options.Cluster}: {link.User}."
                            : $"Somebody made a link for you to set a new password at {options.Cluster}: {link.User}."
                    )}

                    Set your password here, once, until {link.ExpiresAt:u}:
                    {url.TrimEnd('/')}{link.Path}

                    If you did not expect this, do nothing{(isInvitation ? "." : " and tell an administrator.")}

                    """,
                    cancellation
                )
                .ConfigureAwait(false);
            return link with { MailedTo = to };
        }
        catch (MailException e)
        {
            return link with { Trouble = e.Message };
        }
    }
}
