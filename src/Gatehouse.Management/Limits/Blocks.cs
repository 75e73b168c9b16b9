using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Who and what is turned away. A block reaches every worker as a change of its own, which none can refuse.</summary>
public sealed class Blocks(Catalogue catalogue, ApiDefinitions definitions, Applications applications)
{
    /// <summary>All blocks.</summary>
    public async Task<ImmutableArray<BlockView>> ListAsync(CancellationToken cancellation) =>
        [
            .. (
                await catalogue
                    .ListAsync(EntityKinds.Block, ModelJson.Default.Block, cancellation)
                    .ConfigureAwait(false)
            ).Select(b => View(b.Name, b.Value)),
        ];

    /// <summary>
    /// Blocks, or switches a block on or off. An API and an application are found by what people call them; what is blocked
    /// is its full name, so that another of the same name later is not.
    /// </summary>
    public async Task<BlockView> PutAsync(CreateBlock ask, Caller caller, CancellationToken cancellation)
    {
        if (!BlockTarget.TryKind(ask.Kind, out var kind))
        {
            throw new ProblemsException([
                new("/kind", $"'{Excerpt.Of(ask.Kind)}' cannot be blocked", $"it is one of {BlockTarget.Words}"),
            ]);
        }

        var value = await FullNameAsync(kind, ask.Value, caller, cancellation).ConfigureAwait(false);
        if (ask.Invert && kind != BlockKind.Ip)
        {
            throw new ProblemsException([new("/invert", "Only addresses can be inverted", "leave it out")]);
        }

        var name = new BlockTarget(kind, value, ask.Invert).ToString();
        var block = new Block
        {
            Enabled = ask.Enabled,
            Reason = ask.Reason,
            By = caller.User,
            At = catalogue.Time.GetUtcNow(),
        };
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(
                    caller.Actor,
                    ask.Enabled ? $"blocked {name}" : $"switched the block of {name} off"
                ).Put(EntityKinds.Block, name, block, ModelJson.Default.Block),
                cancellation
            )
            .ConfigureAwait(false);
        return View(name, block);
    }

    /// <summary>Takes a block away. Throws <see cref="NotFoundException"/> when there is none of that name.</summary>
    public async Task DeleteAsync(string name, Caller caller, CancellationToken cancellation)
    {
        var result = await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"unblocked {Excerpt.Of(name)}").Delete(EntityKinds.Block, name),
                cancellation
            )
            .ConfigureAwait(false);
        if (!result.Moved)
        {
            throw new NotFoundException("block", Excerpt.Of(name));
        }
    }

    private async Task<string> FullNameAsync(
        BlockKind kind,
        string value,
        Caller caller,
        CancellationToken cancellation
    )
    {
        switch (kind)
        {
            case BlockKind.Api:
                return (await definitions.GetAsync(value, cancellation).ConfigureAwait(false)).Name;
            case BlockKind.Application:
                return (await applications.GetAsync(value, caller, cancellation).ConfigureAwait(false)).Id;
            case BlockKind.Subscription:
                var slash = value.IndexOf('/', StringComparison.Ordinal);
                if (slash <= 0)
                {
                    throw new ProblemsException([
                        new("/value", "A subscription is written APPLICATION/API", "such as MyApp/petstore:1.0.0"),
                    ]);
                }

                var app = await applications.GetAsync(value[..slash], caller, cancellation).ConfigureAwait(false);
                var api = await definitions.GetAsync(value[(slash + 1)..], cancellation).ConfigureAwait(false);
                return Subscription.EntityName(app.Id, api.Name);
            case BlockKind.Ip when !AddressRange.TryParse(value, out _):
                throw new ProblemsException([
                    new(
                        "/value",
                        $"'{Excerpt.Of(value)}' is no address, range or network",
                        "write 203.0.113.7, 203.0.113.1-203.0.113.9 or 203.0.113.0/24"
                    ),
                ]);
            case BlockKind.User when value.Length is 0 or > 256 || value.Any(char.IsControl):
                throw new ProblemsException([
                    new("/value", "A user's name has 1 to 256 characters", "give the name as tokens carry it"),
                ]);
            default:
                return value;
        }
    }

    private static BlockView View(string name, Block block) =>
        BlockTarget.TryParse(name, out var target)
            ? new(
                name,
                BlockTarget.Word(target.Kind),
                target.Value,
                target.Invert,
                block.Enabled,
                block.Reason,
                block.By,
                block.At
            )
            : new(name, "unknown", name, false, block.Enabled, block.Reason, block.By, block.At);
}

/// <summary>Asks for a block.</summary>
/// <param name="Kind"><c>api</c>, <c>application</c>, <c>user</c>, <c>subscription</c> or <c>ip</c>.</param>
/// <param name="Value">Which one.</param>
/// <param name="Invert">With <c>ip</c>: everybody else.</param>
/// <param name="Enabled">False to keep it in the list without effect.</param>
/// <param name="Reason">Why, for people.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateBlock(
    [property: JsonRequired] string Kind,
    [property: JsonRequired] string Value,
    bool Invert = false,
    bool Enabled = true,
    string? Reason = null
);

/// <summary>A block.</summary>
/// <param name="Name">What it is called: kind, slash, value.</param>
/// <param name="Kind">What is blocked.</param>
/// <param name="Value">Which one.</param>
/// <param name="Invert">All other addresses.</param>
/// <param name="Enabled">In force.</param>
/// <param name="Reason">Why.</param>
/// <param name="By">Who set it.</param>
/// <param name="At">When.</param>
public sealed record BlockView(
    string Name,
    string Kind,
    string Value,
    bool Invert,
    bool Enabled,
    string? Reason,
    string By,
    DateTimeOffset At
);
