using System.Collections.Immutable;
using System.ComponentModel;

namespace Gatehouse.Model;

/// <summary>Settings of <c>convert</c>.</summary>
public sealed record ConvertSettings : IPolicySettings
{
    /// <summary>What becomes of the request.</summary>
    [Description("What becomes of the request's body: json-to-xml or xml-to-json; left as it is when left out")]
    public string? Request { get; set; }

    /// <summary>What becomes of the answer.</summary>
    [Description("What becomes of the answer's body: json-to-xml or xml-to-json; left as it is when left out")]
    public string? Answer { get; set; }

    /// <summary>Name of the element around JSON that has not exactly one member.</summary>
    [Description("The name of the element that is put around JSON unless that is an object with one member")]
    public string Root { get; set; } = "jsonObject";

    /// <summary>Largest body that is converted.</summary>
    [Description("The largest body that is converted, in bytes; it is read as a whole")]
    public int MaxBytes { get; set; } = 1024 * 1024;

    IEnumerable<Problem> IPolicySettings.Check()
    {
        foreach (var (pointer, value) in new[] { ("/request", Request), ("/answer", Answer) })
        {
            if (value is not (null or "json-to-xml" or "xml-to-json"))
            {
                yield return new(pointer, $"'{value}' is no conversion; use json-to-xml or xml-to-json");
            }
        }

        if (
            Root.Length is 0 or > 64
            || !char.IsAsciiLetter(Root[0])
            || !Root.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')
        )
        {
            yield return new("/root", $"'{Root}' is not the name of an element");
        }

        foreach (var problem in Bounds.Check(("maxBytes", MaxBytes, 64 << 20)))
        {
            yield return problem;
        }
    }
}

/// <summary>Settings of <c>compress</c>.</summary>
public sealed record CompressSettings : IPolicySettings
{
    /// <summary>In the order of preference.</summary>
    [Description("br and gzip, the preferred first; the caller's Accept-Encoding decides")]
    public ImmutableArray<string> Encodings { get; set; } = ["br", "gzip"];

    /// <summary>Smaller answers stay as they are.</summary>
    [Description("Answers that declare fewer bytes stay as they are")]
    public int MinBytes { get; set; } = 1024;

    /// <summary>Media types that are compressed.</summary>
    [Description("Media types that are compressed; text/* names all of a kind")]
    public ImmutableArray<string> Types { get; set; } =
    [
        "text/*",
        "application/json",
        "application/problem+json",
        "application/xml",
        "application/javascript",
        "image/svg+xml",
    ];

    /// <summary>Whether answers to calls with cookies are compressed.</summary>
    [Description(
        "Compresses answers to calls with a cookie too. A page of another site can make such calls and see their length, which with compression tells secrets in the answer (BREACH)"
    )]
    public bool WithCookies { get; set; }

    IEnumerable<Problem> IPolicySettings.Check()
    {
        for (var i = 0; i < Encodings.Length; i++)
        {
            if (Encodings[i] is not ("br" or "gzip"))
            {
                yield return new($"/encodings/{i}", $"'{Encodings[i]}' is no encoding; use br or gzip");
            }
        }

        if (MinBytes < 0)
        {
            yield return new("/minBytes", "A size is not negative");
        }
    }
}

/// <summary>Settings of <c>mock</c>.</summary>
public sealed record MockSettings : IPolicySettings
{
    /// <summary>What may be answered.</summary>
    [Description(
        "Answers; the caller chooses by Accept and by Prefer: code=404. Empty takes the examples of the OpenAPI document at import"
    )]
    public ImmutableArray<MockAnswer> Answers { get; set; } = [];

    IEnumerable<Problem> IPolicySettings.Check()
    {
        for (var i = 0; i < Answers.Length; i++)
        {
            var answer = Answers[i];
            if (answer.Status is < 200 or > 599)
            {
                yield return new($"/answers/{i}/status", "A status is 200 to 599");
            }

            if (HeaderRules.ValueProblem(answer.ContentType) is { } type)
            {
                yield return new($"/answers/{i}/contentType", type);
            }

            foreach (var (name, value) in answer.Headers)
            {
                if ((HeaderRules.NameProblem(name) ?? HeaderRules.ValueProblem(value)) is { } why)
                {
                    yield return new($"/answers/{i}/headers/{name}", why);
                }
            }
        }
    }
}

/// <summary>One answer of a mock.</summary>
public sealed record MockAnswer
{
    /// <summary>The status.</summary>
    [Description("The status code")]
    public int Status { get; set; } = 200;

    /// <summary>The media type.</summary>
    [Description("The media type of the body")]
    public string ContentType { get; set; } = "application/json";

    /// <summary>The body.</summary>
    [Description("The body, as text")]
    public string Body { get; set; } = "";

    /// <summary>More headers.</summary>
    [Description("Name: value of further headers")]
    public ImmutableSortedDictionary<string, string> Headers { get; set; } =
        ImmutableSortedDictionary<string, string>.Empty;
}

/// <summary>Settings of <c>mirror</c>.</summary>
public sealed record MirrorSettings : IPolicySettings
{
    /// <summary>Where copies go.</summary>
    [Description("http or https URL that the copies go to; the path after the API's context is appended")]
    public string Url { get; set; } = "";

    /// <summary>How many of a hundred requests.</summary>
    [Description("How many of a hundred requests are copied")]
    public int Percent { get; set; } = 100;

    /// <summary>Copies that may wait.</summary>
    [Description("Copies that may wait; more are dropped and counted")]
    public int Queue { get; set; } = 256;

    /// <summary>Largest body copied.</summary>
    [Description("Requests with a larger body, in bytes, or an undeclared length are not copied")]
    public int MaxBytes { get; set; } = 64 * 1024;

    /// <summary>Longest wait for the copy's answer.</summary>
    [Description("The longest wait for the answer to a copy, in milliseconds; the answer is thrown away")]
    public int TimeoutMs { get; set; } = 5000;

    IEnumerable<Problem> IPolicySettings.Check() =>
        [
            .. Urls.Check(Url),
            .. Bounds.Check(
                ("percent", Percent, 100),
                ("queue", Queue, 100_000),
                ("maxBytes", MaxBytes, 1 << 20),
                ("timeoutMs", TimeoutMs, 60_000)
            ),
        ];
}

/// <summary>Settings of <c>call-out</c>.</summary>
public sealed record CallOutSettings : IPolicySettings
{
    /// <summary>Who is asked.</summary>
    [Description("http or https URL that is asked about every request")]
    public string Url { get; set; } = "";

    /// <summary>How.</summary>
    [Description("The method: GET asks with headers alone, POST sends the request's body along")]
    public string Method { get; set; } = "GET";

    /// <summary>Request headers that are shown.</summary>
    [Description("Headers of the request that are sent along; X-Original-Method and X-Original-Target always are")]
    public ImmutableArray<string> SendHeaders { get; set; } = [];

    /// <summary>Headers of the answer that go into the request.</summary>
    [Description(
        "Headers of a 2xx answer that are put into the request; the caller's own of that name are removed in any case"
    )]
    public ImmutableArray<string> TakeHeaders { get; set; } = [];

    /// <summary>Longest wait.</summary>
    [Description("The longest wait for the answer, in milliseconds")]
    public int TimeoutMs { get; set; } = 1000;

    /// <summary>Largest request body sent along.</summary>
    [Description("The largest request body that is sent along and the largest answer that is read, in bytes")]
    public int MaxBytes { get; set; } = 64 * 1024;

    /// <summary>Whether requests pass when nobody answers.</summary>
    [Description("Lets requests pass when there is no answer; otherwise they get 503")]
    public bool PassOnFailure { get; set; }

    IEnumerable<Problem> IPolicySettings.Check()
    {
        foreach (
            var problem in Urls.Check(Url)
                .Concat(Bounds.Check(("timeoutMs", TimeoutMs, 60_000), ("maxBytes", MaxBytes, 16 << 20)))
        )
        {
            yield return problem;
        }

        if (Method is not ("GET" or "POST"))
        {
            yield return new("/method", "The method is GET or POST");
        }

        foreach (var (pointer, names) in new[] { ("/sendHeaders", SendHeaders), ("/takeHeaders", TakeHeaders) })
        {
            for (var i = 0; i < names.Length; i++)
            {
                if (HeaderRules.NameProblem(names[i]) is { } why)
                {
                    yield return new($"{pointer}/{i}", why);
                }
            }
        }
    }
}

/// <summary>One check for addresses that a policy calls.</summary>
internal static class Urls
{
    public static IEnumerable<Problem> Check(string url)
    {
        if (
            !Uri.TryCreate(url, UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https")
            || uri.Host.Length == 0
        )
        {
            yield return new("/url", $"'{url}' is no absolute http or https URL");
        }
        else if (uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            yield return new("/url", "The URL has a user, query or fragment");
        }
    }
}
