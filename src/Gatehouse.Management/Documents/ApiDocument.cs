using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>One document of an API in the developer portal: a page in Markdown, a file, or a link.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApiDocument
{
    /// <summary>Unique within the API.</summary>
    public string Name
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>What it is for.</summary>
    public DocumentType Type { get; init; }

    /// <summary>In a sentence.</summary>
    public string Summary
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>Where it is, when it is a link; absolute <c>https</c> or <c>http</c>.</summary>
    public string? Url { get; init; }

    /// <summary>What it is to be called when it is saved, when it is a file.</summary>
    public string? FileName { get; init; }

    /// <summary>Such as <c>text/markdown</c>; null while it has no content.</summary>
    public string? MediaType { get; init; }

    /// <summary>Its content, by its digest; null of a link, and until there is one.</summary>
    public Digest? Content { get; init; }

    /// <summary>The entity name of a document of an API.</summary>
    internal static string EntityName(string api, string document) => $"{api}/{document}";
}

/// <summary>What a document is for (WSO2's types). Append only.</summary>
[JsonConverter(typeof(DashedEnum<DocumentType>))]
public enum DocumentType
{
    /// <summary>How to use the API.</summary>
    HowTo,

    /// <summary>Samples and SDK.</summary>
    Samples,

    /// <summary>Where everybody talks about it.</summary>
    PublicForum,

    /// <summary>Where help is given.</summary>
    SupportForum,

    /// <summary>How its messages look.</summary>
    ApiMessageFormat,

    /// <summary>Anything else.</summary>
    Other,
}
