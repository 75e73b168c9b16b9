using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>What somebody said about an API. Plain text: whoever shows it escapes it.</summary>
/// <param name="Id">Unique within the API, and growing with time.</param>
/// <param name="By">The user who said it.</param>
/// <param name="At">When.</param>
/// <param name="Text">What; at most 2000 characters.</param>
/// <param name="ReplyTo">The comment it answers; null for none.</param>
/// <param name="EditedAt">When it was changed; null for never.</param>
public sealed record Comment(
    string Id,
    string By,
    DateTimeOffset At,
    string Text,
    string? ReplyTo = null,
    DateTimeOffset? EditedAt = null
);

/// <summary>How somebody rates an API.</summary>
/// <param name="Stars">1 to 5.</param>
/// <param name="At">When.</param>
public sealed record Rating(int Stars, DateTimeOffset At);

/// <summary>Says something about an API.</summary>
/// <param name="Text">What; 1 to 2000 characters.</param>
/// <param name="ReplyTo">The comment it answers.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SayComment([property: JsonRequired] string Text, string? ReplyTo = null);

/// <summary>Rates an API.</summary>
/// <param name="Stars">1 to 5.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record GiveRating([property: JsonRequired] int Stars);

/// <summary>How an API is rated.</summary>
/// <param name="Average">Of all ratings, to one digit; null while there is none.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Mine">The caller's own; null when they gave none.</param>
/// <param name="Stars">How many gave 1, 2, 3, 4 and 5 stars.</param>
public sealed record RatingView(double? Average, int Count, int? Mine, ImmutableArray<int> Stars);
