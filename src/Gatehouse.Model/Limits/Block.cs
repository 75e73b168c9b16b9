namespace Gatehouse.Model;

/// <summary>
/// Somebody or something that is turned away (WSO2: deny policy). What is blocked stands in the entity's name, so a node that
/// cannot read the content closes just that.
/// </summary>
public sealed record Block
{
    /// <summary>False keeps it in the list without effect.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Why, for people.</summary>
    public string? Reason { get; init; }

    /// <summary>Who set it.</summary>
    public string By { get; init; } = "";

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>What a block is about, as the name of its entity: <c>api/pets:1.0.0</c>, <c>application/app_1</c>, <c>user/ann</c>, <c>subscription/app_1/pets:1.0.0</c>, <c>ip/10.0.0.0/8</c>; <c>ip/!…</c> turns away every other address.</summary>
/// <param name="Kind">What is blocked.</param>
/// <param name="Value">Which one.</param>
/// <param name="Invert">With an address: all others.</param>
public readonly record struct BlockTarget(BlockKind Kind, string Value, bool Invert)
{
    private static readonly string[] s_kinds = ["api", "application", "user", "subscription", "ip"];

    /// <summary>Reads an entity's name. False when this build cannot tell what it is about.</summary>
    public static bool TryParse(string name, out BlockTarget target)
    {
        target = default;
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var kind = slash < 0 ? -1 : Array.IndexOf(s_kinds, name[..slash]);
        if (kind < 0 || slash == name.Length - 1)
        {
            return false;
        }

        var (value, invert) = (name[(slash + 1)..], false);
        if (kind == (int)BlockKind.Ip && value[0] == '!')
        {
            (value, invert) = (value[1..], true);
        }

        target = new((BlockKind)kind, value, invert);
        return kind != (int)BlockKind.Ip || AddressRange.TryParse(value, out _);
    }

    /// <summary>The word for a kind.</summary>
    public static string Word(BlockKind kind) => s_kinds[(int)kind];

    /// <summary>The kind a word stands for. False on anything else.</summary>
    public static bool TryKind(string? word, out BlockKind kind)
    {
        var index = Array.IndexOf(s_kinds, word);
        kind = index < 0 ? default : (BlockKind)index;
        return index >= 0;
    }

    /// <summary>Every word, for messages.</summary>
    public static string Words => string.Join(", ", s_kinds);

    /// <summary>The entity's name.</summary>
    public override string ToString() => $"{Word(Kind)}/{(Invert ? "!" : "")}{Value}";
}

/// <summary>What can be blocked. Append only.</summary>
public enum BlockKind
{
    /// <summary>An API version, <c>name:version</c>.</summary>
    Api,

    /// <summary>An application, by its id.</summary>
    Application,

    /// <summary>A user.</summary>
    User,

    /// <summary>One application on one API: <c>application/api:version</c>.</summary>
    Subscription,

    /// <summary>Addresses.</summary>
    Ip,
}
