using System.Text.Json.Serialization;

namespace Gatehouse.Wso2;

/// <summary>What became of one thing that was read.</summary>
/// <param name="Outcome">Which of the four.</param>
/// <param name="Place">Where it stands.</param>
/// <param name="Element">Its path in the file, such as <c>Server/Ports/Offset</c> or <c>server/listen</c>.</param>
/// <param name="Value">What it says; secrets are masked; null when it only holds others.</param>
/// <param name="Target">What it became: a key of <c>gatehouse.yaml</c>, a member of an API; null when nothing.</param>
/// <param name="Note">Why it is not needed, what is left to do, what is dangerous about it.</param>
public sealed record Finding(
    Outcome Outcome,
    Place Place,
    string Element,
    string? Value = null,
    string? Target = null,
    string? Note = null
);

/// <summary>The four ends of what an old file says. Spelled in the report as here, with dashes.</summary>
[JsonConverter(typeof(OutcomeConverter))]
public enum Outcome
{
    /// <summary>It has its counterpart here, and that is set.</summary>
    Converted,

    /// <summary>It has no counterpart because nothing here depends on it.</summary>
    NotNeeded,

    /// <summary>Somebody has to decide or do something; the note says what.</summary>
    NeedsYou,

    /// <summary>It weakens the system; the note says how to mend it.</summary>
    Dangerous,
}

/// <summary>The words for outcomes.</summary>
public static class Outcomes
{
    /// <summary><c>converted</c>, <c>not needed</c>, <c>needs you</c>, <c>dangerous</c>.</summary>
    public static string Words(this Outcome outcome) =>
        outcome switch
        {
            Outcome.Converted => "converted",
            Outcome.NotNeeded => "not needed",
            Outcome.NeedsYou => "needs you",
            _ => "dangerous",
        };
}

/// <summary>Writes <c>converted</c>, <c>not-needed</c>, <c>needs-you</c>, <c>dangerous</c>.</summary>
internal sealed class OutcomeConverter()
    : JsonStringEnumConverter<Outcome>(System.Text.Json.JsonNamingPolicy.KebabCaseLower);
