using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary><c>datasources/master-datasources.xml</c>: of all databases, <c>WSO2AM_DB</c> is the one whose place ours takes.</summary>
internal static class DatasourcesXml
{
    public static IReadOnlyDictionary<string, Verdict> Verdicts { get; } =
        new Dictionary<string, Verdict>
        {
            ["datasources-configuration"] = Verdict.NotNeeded(
                "of the old connection pool; there is one database, of the managers"
            ),
        };

    public static void Read(ElementReader xml, HomeDraft home)
    {
        foreach (var source in xml.Root.Descendants().Where(e => e.Name.LocalName == "datasource"))
        {
            var name = ElementReader.Find(source, "name") is { } element ? ElementReader.TextOf(element) : "";
            var url = source.Descendants().FirstOrDefault(e => e.Name.LocalName == "url");
            if (url is null)
            {
                continue;
            }

            if (!name.Contains("AM_DB", StringComparison.OrdinalIgnoreCase))
            {
                xml.NotNeeded(url, $"{name}: users, registry and statistics of the old server; nothing here reads it");
                continue;
            }

            var user = source.Descendants().FirstOrDefault(e => e.Name.LocalName == "username");
            if (
                JdbcDatabase.Take(
                    home,
                    home.Fill(ElementReader.TextOf(url)),
                    user is null ? null : ElementReader.TextOf(user),
                    xml.At(url),
                    out var outcome,
                    out var note
                )
            )
            {
                xml.Converted(url, "database", note);
                if (user is not null)
                {
                    xml.Converted(user, "database.user");
                }
            }
            else if (outcome == Outcome.NeedsYou)
            {
                xml.NeedsYou(url, note);
            }
            else
            {
                xml.NotNeeded(url, note);
            }
        }

        xml.Finish();
    }
}
