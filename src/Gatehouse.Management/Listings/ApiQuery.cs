using System.Collections.Immutable;
using System.Text;
using Gatehouse.Management.OpenApi;

namespace Gatehouse.Management;

/// <summary>
/// A search as people type it (WSO2's syntax): words that must all be found, each in a field when it is written
/// <c>field:word</c>; <c>"two words"</c> in quotes. Case does not matter.
/// </summary>
internal sealed class ApiQuery
{
    private static readonly ImmutableDictionary<string, Func<IndexedApi, IEnumerable<string>>> s_fields =
        ImmutableDictionary.CreateRange<string, Func<IndexedApi, IEnumerable<string>>>(
            StringComparer.OrdinalIgnoreCase,
            [
                new("name", a => [a.Definition!.Name, a.Listing.Title]),
                new("version", a => [a.Definition!.Version]),
                new("context", a => [a.Definition!.Context]),
                new("description", a => [a.Definition!.Description]),
                new("tag", a => a.Listing.Tags),
                new("tags", a => a.Listing.Tags),
                new("category", a => a.Listing.Categories),
                new("api-category", a => a.Listing.Categories),
                new("state", a => [LifecycleWords.Of(a.State)]),
                new("status", a => [LifecycleWords.Of(a.State)]),
                new("property", a => a.Listing.Properties.Select(p => $"{p.Key}={p.Value}")),
                new("owner", a => Owners(a.Listing)),
            ]
        );

    private readonly ImmutableArray<(Func<IndexedApi, IEnumerable<string>> Field, string Word)> _terms;

    private ApiQuery(ImmutableArray<(Func<IndexedApi, IEnumerable<string>>, string)> terms) => _terms = terms;

    /// <summary>Reads a search. Throws <see cref="ProblemsException"/> when it is longer than anybody types.</summary>
    public static ApiQuery Parse(string? text)
    {
        if (text is { Length: > 500 })
        {
            throw new ProblemsException([new("query", "A search has at most 500 characters", "search for less")]);
        }

        return new([
            .. Words(text ?? "")
                .Select(word =>
                {
                    var colon = word.IndexOf(':', StringComparison.Ordinal);
                    // What is no field is part of the word: petstore:1.0.0 is an API.
                    return colon > 0 && s_fields.TryGetValue(word[..colon], out var field)
                        ? (field, word[(colon + 1)..])
                        : (Everything, word);
                }),
        ]);
    }

    /// <summary>True when every word is found.</summary>
    public bool Matches(IndexedApi api) =>
        _terms.All(t => t.Field(api).Any(text => text.Contains(t.Word, StringComparison.OrdinalIgnoreCase)));

    private static IEnumerable<string> Everything(IndexedApi api) =>
        [
            api.Id,
            api.Title,
            api.Definition!.Context,
            api.Definition.Description,
            .. api.Listing.Tags,
            .. api.Listing.Categories,
        ];

    private static IEnumerable<string> Owners(ApiListing listing) =>
        new[] { listing.BusinessOwner, listing.TechnicalOwner }
            .OfType<Contact>()
            .SelectMany(c => new[] { c.Name, c.Email ?? "" });

    private static IEnumerable<string> Words(string text)
    {
        var word = new StringBuilder();
        var quoted = false;
        foreach (var c in text)
        {
            if (c == '"')
            {
                quoted = !quoted;
            }
            else if (char.IsWhiteSpace(c) && !quoted)
            {
                if (word.Length > 0)
                {
                    yield return word.ToString();
                    word.Clear();
                }
            }
            else
            {
                word.Append(c);
            }
        }

        if (word.Length > 0)
        {
            yield return word.ToString();
        }
    }
}
