using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>The report of an import, with a line for everything that was read.</summary>
public static class ImportReport
{
    /// <summary>For programs.</summary>
    public static JsonObject Json(Import import) =>
        new()
        {
            ["apiVersion"] = "gatehouse/v1",
            ["kind"] = "ImportReport",
            ["summary"] = new JsonObject(
                Enum.GetValues<Outcome>()
                    .Select(o =>
                        KeyValuePair.Create(o.Words(), (JsonNode?)import.Log.Findings.Count(f => f.Outcome == o))
                    )
            ),
            ["apis"] = new JsonArray([.. import.Apis.Select(a => (JsonNode)$"{a.Name}:{a.Version}")]),
            ["applications"] = new JsonArray([
                .. import.Applications.Select(a => new JsonObject
                {
                    ["name"] = a.Name,
                    ["owner"] = a.Owner,
                    ["subscriptions"] = a.Document["subscriptions"]?.AsArray().Count ?? 0,
                    ["clients"] = a.Document["clients"]?.AsArray().Count ?? 0,
                    ["tokens"] = a.Tokens.Length,
                }),
            ]),
            ["problems"] = new JsonArray([
                .. import.Log.Problems.Select(p => new JsonObject
                {
                    ["file"] = p.File,
                    ["line"] = p.Line,
                    ["column"] = p.Column,
                    ["message"] = p.Message,
                    ["fix"] = p.Fix,
                }),
            ]),
            ["findings"] = new JsonArray([.. import.Log.Findings.Select(Json)]),
        };

    private static JsonNode Json(Finding f) =>
        new JsonObject
        {
            ["outcome"] = f.Outcome.Words(),
            ["file"] = f.Place.File,
            ["line"] = f.Place.Line,
            ["column"] = f.Place.Column,
            ["element"] = f.Element,
            ["value"] = f.Value,
            ["target"] = f.Target,
            ["note"] = f.Note,
        };

    /// <summary>For people: one page without anything to load, what needs somebody first.</summary>
    public static string Html(Import import)
    {
        var page = new StringBuilder(
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Import from WSO2</title>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <style>
            body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;color:#1b1b1b;background:#fff}
            h2{margin-top:2.2rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}
            code{font:13px ui-monospace,monospace}.dangerous{color:#a40000}.needs-you{color:#7a4a00}
            @media(prefers-color-scheme:dark){body{color:#eee;background:#16181c}th,td{border-color:#333}.dangerous{color:#ff8a80}.needs-you{color:#ffcc80}}
            </style></head><body>
            <h1>Import from WSO2</h1>

            """
        );
        page.Append("<p>")
            .AppendJoin(
                " · ",
                Enum.GetValues<Outcome>()
                    .Select(o =>
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{import.Log.Findings.Count(f => f.Outcome == o)} {o.Words()}"
                        )
                    )
            )
            .Append(
                CultureInfo.InvariantCulture,
                $" · {import.Apis.Length} APIs · {import.Applications.Length} applications</p>\n"
            );
        if (import.Log.Problems.Count > 0)
        {
            page.Append(
                "<h2 class=\"dangerous\">Could not be read</h2>\n<table><tr><th>Where</th><th>What</th><th>What to do</th></tr>\n"
            );
            foreach (var p in import.Log.Problems)
            {
                Row(page, new Place(p.File ?? "", p.Line, p.Column).ToString(), p.Message, p.Fix);
            }

            page.Append("</table>\n");
        }

        foreach (var outcome in (Outcome[])[Outcome.Dangerous, Outcome.NeedsYou, Outcome.Converted, Outcome.NotNeeded])
        {
            var findings = import.Log.Findings.Where(f => f.Outcome == outcome).ToList();
            if (findings.Count == 0)
            {
                continue;
            }

            page.Append(
                CultureInfo.InvariantCulture,
                $"<h2 class=\"{outcome.Words().Replace(' ', '-')}\">{outcome.Words()} ({findings.Count})</h2>\n<table><tr><th>Where</th><th>What</th><th>{(outcome == Outcome.Converted ? "Became" : "Why, what to do")}</th></tr>\n"
            );
            foreach (var f in findings)
            {
                Row(
                    page,
                    f.Place.ToString(),
                    f.Value is null ? f.Element : $"{f.Element} = {f.Value}",
                    string.Join("; ", new[] { f.Target, f.Note }.OfType<string>())
                );
            }

            page.Append("</table>\n");
        }

        return page.Append("</body></html>\n").ToString();
    }

    private static void Row(StringBuilder page, string where, string what, string? note) =>
        page.Append("<tr><td><code>")
            .Append(WebUtility.HtmlEncode(where))
            .Append("</code></td><td><code>")
            .Append(WebUtility.HtmlEncode(what))
            .Append("</code></td><td>")
            .Append(WebUtility.HtmlEncode(note ?? ""))
            .Append("</td></tr>\n");
}
