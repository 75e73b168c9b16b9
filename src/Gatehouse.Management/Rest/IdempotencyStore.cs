using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Whose key it is: another user's key of the same text is another.</summary>
/// <param name="User">The user.</param>
/// <param name="Key">What they sent.</param>
internal readonly record struct IdempotencyId(string User, string Key)
{
    /// <summary>What the answer is sealed under.</summary>
    public string Wrapping => $"idempotency/{User}/{Key}";
}

/// <summary>What is to be done with a request that has a key.</summary>
internal enum IdempotencyVerdict
{
    /// <summary>It is carried out.</summary>
    First,

    /// <summary>It was carried out: its answer is repeated.</summary>
    Again,

    /// <summary>The key belongs to another request.</summary>
    AnotherRequest,

    /// <summary>It is being carried out.</summary>
    Running,

    /// <summary>It was carried out by a manager that ended before it could keep the answer.</summary>
    Lost,
}

/// <summary>The keys of creates, in the catalogue's database: any manager knows what another one did.</summary>
internal sealed class IdempotencyStore(CatalogueDatabase database, TimeProvider time)
{
    /// <summary>How long a key is remembered.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromDays(1);

    /// <summary>How long a request may run.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>How long after its begin a request's manager is taken for dead; from then on it commits nothing.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private const int MostPerUser = 1000;
    private const int MostAttempts = 5;
    private const int NoAnswer = -1;

    private static readonly AsyncLocal<Run?> s_current = new();

    /// <summary>Begins a request, or says what became of the one that had its key before; the row is that request's.</summary>
    public async Task<(IdempotencyVerdict Verdict, IdempotencyRow Row)> BeginAsync(
        IdempotencyId id,
        Digest fingerprint,
        CancellationToken cancellation
    )
    {
        // Several at once: one of them writes its row first, and that row may be gone again when the others look.
        for (var attempt = 1; ; attempt++)
        {
            var now = time.GetUtcNow();
            var context = database.Open();
            await using (context.ConfigureAwait(false))
            {
                await MakeRoomAsync(context, id.User, now, cancellation).ConfigureAwait(false);
                var present = await context
                    .IdempotencyKeys.AsNoTracking()
                    .SingleOrDefaultAsync(k => k.User == id.User && k.Key == id.Key, cancellation)
                    .ConfigureAwait(false);
                if (present is not null)
                {
                    return (VerdictOn(present, fingerprint, now), present);
                }

                var row = new IdempotencyRow
                {
                    User = id.User,
                    Key = id.Key,
                    Fingerprint = fingerprint,
                    CreatedAt = now,
                    ExpiresAt = now + Life,
                };
                context.IdempotencyKeys.Add(row);
                try
                {
                    await context.SaveChangesAsync(cancellation).ConfigureAwait(false);
                    return (IdempotencyVerdict.First, row);
                }
                catch (DbUpdateException) when (attempt < MostAttempts)
                {
                    // Taken, as the next look shows, or the database has trouble, which that look meets too.
                }
            }
        }
    }

    /// <summary>Marks everything that is committed until the end as the work of that request.</summary>
    public static IDisposable Enter(IdempotencyRow row)
    {
        var run = new Run(row);
        s_current.Value = run;
        return run;
    }

    /// <summary>
    /// Within a commit: what it writes and that the key was used become visible together. Throws <see cref="ConflictException"/>
    /// when the request was taken for dead meanwhile, for another may have been carried out in its place.
    /// </summary>
    internal static async Task MarkAsync(CatalogueContext context, CancellationToken cancellation)
    {
        // What the request began and left running is not its work any more.
        if (s_current.Value is not { HasEnded: false } run)
        {
            return;
        }

        var marked = await Own(context, run.Row)
            .ExecuteUpdateAsync(set => set.SetProperty(k => k.Committed, true), cancellation)
            .ConfigureAwait(false);
        if (marked == 0)
        {
            throw new ConflictException(
                "This request took so long that its Idempotency-Key was given free, and it was not carried out",
                "send it again with its key"
            );
        }
    }

    /// <summary>Forgets keys whose time is over.</summary>
    internal static Task ForgetAsync(CatalogueContext context, DateTimeOffset now, CancellationToken cancellation)
    {
        var dead = now - Lease;
        return context
            .IdempotencyKeys.Where(k => k.ExpiresAt < now || (!k.Committed && k.CreatedAt < dead))
            .ExecuteDeleteAsync(cancellation);
    }

    /// <summary>Keeps the answer.</summary>
    public async Task FinishAsync(IdempotencyRow row, int status, byte[] answer)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            await Own(context, row)
                .ExecuteUpdateAsync(set =>
                    set.SetProperty(k => k.Status, status)
                        .SetProperty(k => k.Answer, answer)
                        .SetProperty(k => k.Committed, true)
                )
                .ConfigureAwait(false);
        }
    }

    /// <summary>Gives the key free again, unless something was committed under it.</summary>
    public async Task GiveUpAsync(IdempotencyRow row)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            await Own(context, row).Where(k => !k.Committed).ExecuteDeleteAsync().ConfigureAwait(false);
            await Own(context, row)
                .ExecuteUpdateAsync(set => set.SetProperty(k => k.Status, NoAnswer))
                .ConfigureAwait(false);
        }
    }

    // Not the row of a later request with the same key.
    private static IQueryable<IdempotencyRow> Own(CatalogueContext context, IdempotencyRow row) =>
        context.IdempotencyKeys.Where(k => k.User == row.User && k.Key == row.Key && k.CreatedAt == row.CreatedAt);

    private static IdempotencyVerdict VerdictOn(IdempotencyRow row, Digest fingerprint, DateTimeOffset now) =>
        row.Fingerprint != fingerprint ? IdempotencyVerdict.AnotherRequest
        : row.Answer is not null ? IdempotencyVerdict.Again
        : row.Status == NoAnswer || (row.Committed && row.CreatedAt + Lease < now) ? IdempotencyVerdict.Lost
        : IdempotencyVerdict.Running;

    // What expired, what a manager that ended left behind, and beyond the bound the oldest.
    private static async Task MakeRoomAsync(
        CatalogueContext context,
        string user,
        DateTimeOffset now,
        CancellationToken cancellation
    )
    {
        await ForgetAsync(context, now, cancellation).ConfigureAwait(false);
        var oldest = await context
            .IdempotencyKeys.AsNoTracking()
            .Where(k => k.User == user)
            .OrderByDescending(k => k.CreatedAt)
            .Skip(MostPerUser)
            .Select(k => (DateTimeOffset?)k.CreatedAt)
            .FirstOrDefaultAsync(cancellation)
            .ConfigureAwait(false);
        if (oldest is { } until)
        {
            await context
                .IdempotencyKeys.Where(k => k.User == user && k.CreatedAt <= until)
                .ExecuteDeleteAsync(cancellation)
                .ConfigureAwait(false);
        }
    }

    private sealed class Run(IdempotencyRow row) : IDisposable
    {
        public IdempotencyRow Row { get; } = row;

        public bool HasEnded { get; private set; }

        public void Dispose()
        {
            HasEnded = true;
            s_current.Value = null;
        }
    }
}

/// <summary>A create that came with a key.</summary>
public sealed class IdempotencyRow
{
    /// <summary>Whose key it is.</summary>
    public required string User { get; set; }

    /// <summary>What they sent.</summary>
    public required string Key { get; set; }

    /// <summary>SHA-256 over the request.</summary>
    public Digest Fingerprint { get; set; }

    /// <summary>When it came.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it is forgotten.</summary>
    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>True once something of it is in the catalogue: from then on it is never carried out again.</summary>
    public bool Committed { get; set; }

    /// <summary>The answer's status; 0 until there is one.</summary>
    public int Status { get; set; }

    /// <summary>The answer, sealed with the cluster key; null until there is one.</summary>
    public byte[]? Answer { get; set; }
}
