using System.Net;
using System.Net.Mail;
using System.Text;
using System.Text.Json.Serialization;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The server that mail goes out by (SMTP, RFC 5321).</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record MailSettings
{
    /// <summary>Its name or address; empty for no mail.</summary>
    public string Host
    {
        // Generated readers do not run initializers.
        get => field ?? "";
        init;
    }

    /// <summary>Its port.</summary>
    public int Port
    {
        get => field == 0 ? 587 : field;
        init;
    }

    /// <summary>Without TLS; else the connection is encrypted by STARTTLS (RFC 3207), and nothing goes to a server that cannot.</summary>
    public bool Plain { get; init; }

    /// <summary>Whom to sign in as; null for nobody.</summary>
    public string? User { get; init; }

    /// <summary>The password. Taken in, kept wrapped by the cluster key, never given out; null keeps the one there is.</summary>
    public string? Password { get; init; }

    /// <summary>Who the mail is from.</summary>
    public string From
    {
        get => field ?? "";
        init;
    }

    /// <summary>Given out in the password's place: whether there is one.</summary>
    public bool HasPassword { get; init; }
}

/// <summary>Why a mail did not go out.</summary>
public sealed class MailException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Sends plain mail by the server that is set.</summary>
public sealed class Mailer(Catalogue catalogue, ManagementOptions options)
{
    private const string Name = "default";
    private const string PasswordSecret = "mail/password";
    private const int Patience = 15_000;

    /// <summary>The settings, without the password.</summary>
    public async Task<MailSettings> ReadAsync(CancellationToken cancellation) =>
        (
            await catalogue
                .FindAsync(EntityKinds.MailSettings, Name, ManagerJson.Default.MailSettings, cancellation)
                .ConfigureAwait(false)
        )?.Value
        ?? new();

    /// <summary>Sets the server. Throws <see cref="ProblemsException"/> with everything that is wrong.</summary>
    public async Task SaveAsync(MailSettings settings, Actor actor, CancellationToken cancellation)
    {
        var problems = System.Collections.Immutable.ImmutableArray.CreateBuilder<Problem>();
        if (settings.Host.Length > 0)
        {
            if (Uri.CheckHostName(settings.Host) == UriHostNameType.Unknown)
            {
                problems.Add(
                    new("/host", $"'{Excerpt.Of(settings.Host)}' is no name of a host", "write mail.example.com")
                );
            }

            if (settings.Port is < 1 or > 65535)
            {
                problems.Add(new("/port", $"{settings.Port} is no port", "take 587, or 25 without TLS"));
            }
            else if (settings is { Port: 465, Plain: false })
            {
                // RFC 8314 section 3.3; the framework's client does STARTTLS only and would wait for a greeting.
                problems.Add(
                    new("/port", "Port 465 speaks TLS before the first word, which is not done here", "take 587")
                );
            }

            if (!ListingRules.Email().IsMatch(settings.From))
            {
                problems.Add(new("/from", $"'{Excerpt.Of(settings.From)}' is no e-mail address", "write name@host"));
            }

            if (settings is { Plain: true, User: not null })
            {
                problems.Add(new("/plain", "A password would travel in the clear", "use TLS, or sign in as nobody"));
            }
        }

        var before = await ReadAsync(cancellation).ConfigureAwait(false);
        var isUsed = settings is { User.Length: > 0, Host.Length: > 0 };
        var isNew = isUsed && settings.Password is { Length: > 0 };
        if (isUsed && !isNew && before.HasPassword && !HasSameReader(before, settings))
        {
            problems.Add(
                new(
                    "/password",
                    "The password that is kept was given for another server or user",
                    "write the password again"
                )
            );
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }

        var stored = settings with
        {
            User = isUsed ? settings.User : null,
            Password = null,
            HasPassword = isNew || (isUsed && before.HasPassword),
        };
        var transaction = new CatalogueTransaction(actor, $"set the mail server to {stored.Host}").Put(
            EntityKinds.MailSettings,
            Name,
            stored,
            ManagerJson.Default.MailSettings
        );
        // With the server it is for, or not at all.
        if (isNew)
        {
            var (secrets, password) = (Secrets, Encoding.UTF8.GetBytes(settings.Password!));
            transaction.Also((context, ct) => secrets.PutAsync(context, PasswordSecret, password, ct));
        }
        else if (before.HasPassword && !stored.HasPassword)
        {
            transaction.Also(
                (context, ct) => context.Secrets.Where(s => s.Name == PasswordSecret).ExecuteDeleteAsync(ct)
            );
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sends a mail that says it is a test, and tells what the server said. Throws <see cref="ProblemsException"/> for what is no mailbox.</summary>
    public async Task<ToldView> TestAsync(string to, CancellationToken cancellation)
    {
        if (!ListingRules.Email().IsMatch(to))
        {
            throw new ProblemsException([new("/to", $"'{Excerpt.Of(to)}' is no e-mail address", "write name@host")]);
        }

        try
        {
            await SendAsync(to, "Gatehouse test", "Mail of this Gatehouse cluster arrives.\n", cancellation)
                .ConfigureAwait(false);
            return new(1, 1);
        }
        catch (MailException e)
        {
            return new(0, 1, e.Message);
        }
    }

    /// <summary>Sends a mail. Throws <see cref="MailException"/> when no server is set or it does not take it.</summary>
    public async Task SendAsync(string to, string subject, string text, CancellationToken cancellation)
    {
        var settings = await ReadAsync(cancellation).ConfigureAwait(false);
        if (settings.Host.Length == 0)
        {
            throw new MailException("No mail server is set.");
        }

        using var client = new SmtpClient(settings.Host, settings.Port)
        {
            EnableSsl = !settings.Plain,
            Timeout = Patience,
        };
        if (
            settings is { User: { } user, HasPassword: true }
            && await Secrets.FindAsync(PasswordSecret, cancellation).ConfigureAwait(false) is { } password
        )
        {
            client.Credentials = new NetworkCredential(user, Encoding.UTF8.GetString(password));
        }

        // A line break in a subject would be a header of its own.
        if (
            !MailAddress.TryCreate(settings.From, out var from)
            || to is null
            || !MailAddress.TryCreate(to, out var mailbox)
        )
        {
            throw new MailException("The sender's or the receiver's address is none that mail can go to.");
        }

        using var mail = new MailMessage(from, mailbox)
        {
            Subject = string.Join(' ', subject.Split('\r', '\n')),
            Body = text,
            BodyEncoding = Encoding.UTF8,
            SubjectEncoding = Encoding.UTF8,
        };
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        try
        {
            await client.SendMailAsync(mail, deadline.Token).ConfigureAwait(false);
        }
        catch (SmtpException e)
        {
            throw new MailException(
                $"{settings.Host}:{settings.Port} did not take the mail: {(e.InnerException ?? e).Message}",
                e
            );
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new MailException($"{settings.Host}:{settings.Port} did not answer within {Patience / 1000} s.", e);
        }
    }

    // Whoever may set the server may not read the password: it goes where it was meant to go.
    private static bool HasSameReader(MailSettings before, MailSettings after) =>
        before.User == after.User && string.Equals(before.Host, after.Host, StringComparison.OrdinalIgnoreCase);

    private SecretStore Secrets =>
        new(
            options.Database,
            options.ClusterKey ?? throw new MailException("This manager has no cluster key to open the password with.")
        );
}
