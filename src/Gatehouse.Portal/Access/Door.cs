using Gatehouse.Management;
using Gatehouse.Portal.Kit;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Portal.Access;

/// <summary>What the pages share that sign somebody in: how often one may try, and where one goes then.</summary>
public abstract class Door : PortalPage
{
    /// <summary>Counts failures, before anything is hashed.</summary>
    [Inject]
    protected AttemptLimit Limit { get; set; } = null!;

    /// <summary>Where sessions begin.</summary>
    [Inject]
    protected Sessions Sessions { get; set; } = null!;

    /// <summary>For the audit.</summary>
    [Inject]
    protected Catalogue Catalogue { get; set; } = null!;

    /// <summary>Goes with the one-time code; null until the password was right and a code is asked for.</summary>
    protected string? Ticket { get; private set; }

    /// <summary>Tries to sign in, unless this address has failed too often.</summary>
    /// <param name="who">What was tried, for the audit.</param>
    /// <param name="attempt">The try.</param>
    protected async Task EnterAsync(string who, Func<Task<SignInResult>> attempt)
    {
        var remote = Caller.RemoteOf(Http);
        if (Limit.WaitFor(remote) is { Ticks: > 0 } wait)
        {
            Refuse(
                StatusCodes.Status429TooManyRequests,
                "Too many tries",
                $"wait {Math.Ceiling(wait.TotalSeconds):0} seconds"
            );
            return;
        }

        SignInResult? result = null;
        if (!await TryAsync(async () => result = await attempt()))
        {
            Http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        switch (result!.Verdict)
        {
            case SignInVerdict.Done:
                await SessionAuthentication.SignInAsync(Http, result.User!, Sessions, Cancellation);
                await Catalogue.NoteAsync(new(result.User!.UserName!, remote), "signed in", Cancellation);
                GoTo(LocalPath.Or(Query("return"), LocalPath.HomeOf(result.User)));
                return;
            case SignInVerdict.OneTimeCodeNeeded:
                Ticket = result.Ticket;
                return;
            case SignInVerdict.Busy:
                Refuse(
                    StatusCodes.Status429TooManyRequests,
                    "Too many sign-ins are being checked",
                    "try again in a moment"
                );
                return;
            case SignInVerdict.NotAllowed:
                Refuse(
                    StatusCodes.Status403Forbidden,
                    "This account may not sign in",
                    "it waits for approval or was locked; ask an administrator"
                );
                return;
            case SignInVerdict.LockedOut:
                Refuse(
                    StatusCodes.Status429TooManyRequests,
                    "Too many wrong passwords for this account",
                    "wait five minutes"
                );
                break;
            default:
                Refuse(
                    StatusCodes.Status401Unauthorized,
                    "That did not sign you in",
                    "name, password or code is wrong, or the link was used or has expired"
                );
                break;
        }

        if (Limit.Failed(remote))
        {
            await Catalogue.NoteAsync(
                new("nobody", remote),
                $"a sign-in failed ({who}); further ones from there within a minute are not listed one by one",
                Cancellation
            );
        }
    }

    private void Refuse(int status, string title, string fix)
    {
        Http.Response.StatusCode = status;
        Failure = new(title, fix, []);
    }
}
