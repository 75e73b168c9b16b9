using System.Xml;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// One XML file with its bookkeeping: every element, and every attribute of the elements asked for, ends in the log once. What
/// an adapter does not take is judged by a table of paths, and what the table does not know needs somebody's eyes.
/// </summary>
/// <param name="document">The file.</param>
/// <param name="file">Its path as it was given.</param>
/// <param name="log">Where findings go.</param>
/// <param name="verdicts">Path or beginning of a path to what is said of everything there; the longest wins.</param>
internal sealed class ElementReader(
    XDocument document,
    string file,
    ReadingLog log,
    IReadOnlyDictionary<string, Verdict> verdicts
)
{
    // Attributes of the element itself, not settings of their own.
    private static readonly HashSet<string> s_ownAttributes = ["name", "locked", "class", "className", "xmlns"];

    // Many of these stand side by side and differ by their name alone.
    private static readonly HashSet<string> s_named =
    [
        "parameter",
        "transportReceiver",
        "transportSender",
        "property",
        "handler",
    ];
    private readonly HashSet<XObject> _told = [];

    public ReadingLog Log => log;

    public string File => file;

    public XElement Root => document.Root!;

    public Place At(XObject what) =>
        what is IXmlLineInfo line && line.HasLineInfo()
            ? new(file, line.LineNumber, line.LinePosition)
            : new(file, 1, 1);

    /// <summary>Names from the root, with the <c>name</c> in brackets where there is one: <c>axisconfig/parameter[domain]</c>.</summary>
    public static string PathOf(XObject what)
    {
        var parts = new Stack<string>();
        if (what is XAttribute attribute)
        {
            parts.Push($"@{attribute.Name.LocalName}");
        }

        for (var element = what as XElement ?? what.Parent; element is not null; element = element.Parent)
        {
            parts.Push(NameOf(element));
        }

        return string.Join('/', parts);
    }

    /// <summary>The element's own text, without that of its children.</summary>
    public static string TextOf(XElement element) =>
        string.Concat(element.Nodes().OfType<XText>().Select(text => text.Value)).Trim();

    /// <summary>The first element at a path of local names below <paramref name="from"/>; a step may be <c>parameter[name]</c>.</summary>
    public static XElement? Find(XElement? from, string path)
    {
        foreach (var step in path.Split('/'))
        {
            from = from?.Elements().FirstOrDefault(e => e.Name.LocalName == step || NameOf(e) == step);
        }

        return from;
    }

    /// <summary>Takes a value: it became <paramref name="target"/>.</summary>
    public void Converted(XObject what, string target, string? note = null) =>
        Tell(Outcome.Converted, what, target, note);

    /// <summary>Passes over an element with everything in it.</summary>
    public void NotNeeded(XObject what, string why) => Tell(Outcome.NotNeeded, what, null, why);

    /// <summary>Leaves something to the reader of the report.</summary>
    public void NeedsYou(XObject what, string todo) => Tell(Outcome.NeedsYou, what, null, todo);

    /// <summary>Warns of something.</summary>
    public void Dangerous(XObject what, string why, string? target = null) =>
        Tell(Outcome.Dangerous, what, target, why);

    /// <summary>A value that cannot be meant: the reading fails.</summary>
    public void Wrong(XObject what, string message, string? fix = null) =>
        log.Problem(At(what), PathOf(what), message, fix);

    /// <summary>Judges everything that was not told yet. Call it once, last.</summary>
    public void Finish(params ReadOnlySpan<string> withAttributes)
    {
        var names = withAttributes.ToArray();
        foreach (var element in Root.DescendantsAndSelf())
        {
            // An element that only holds others says nothing of its own.
            var holds = element.HasElements && TextOf(element).Length == 0;
            if (
                !_told.Contains(element)
                && !holds
                && !(TextOf(element).Length == 0 && element.HasAttributes && names.Contains(element.Name.LocalName))
            )
            {
                Judge(element);
            }

            foreach (var attribute in names.Contains(element.Name.LocalName) ? element.Attributes() : [])
            {
                if (!_told.Contains(attribute) && !s_ownAttributes.Contains(attribute.Name.LocalName))
                {
                    Judge(attribute);
                }
            }
        }
    }

    private void Judge(XObject what)
    {
        var path = PathOf(what);
        var name = what is XAttribute attribute ? attribute.Name.LocalName : ((XElement)what).Name.LocalName;
        if (what is XElement { HasElements: false, HasAttributes: false } element && TextOf(element).Length == 0)
        {
            Tell(Outcome.NotNeeded, what, null, "empty");
            return;
        }

        var verdict = Lookup(path);
        if (Secrets.IsSecret(name) && ValueOf(what) is { Length: > 0 } text && !Secrets.IsReference(text))
        {
            Tell(
                Outcome.Dangerous,
                what,
                null,
                IsWso2Default(text)
                    ? "WSO2's well-known default password: whoever read its manual knows it; nothing here uses it"
                    : "a secret in plain text: nothing here uses it; remove it from the file when the old system is gone"
            );
            return;
        }

        Tell(
            verdict?.Outcome ?? Outcome.NeedsYou,
            what,
            null,
            verdict?.Note
                ?? "this reader does not know it: find out what it is for, and set its counterpart if there is one"
        );
    }

    private Verdict? Lookup(string path)
    {
        for (var at = path; at.Length > 0; )
        {
            if (verdicts.TryGetValue(at, out var verdict))
            {
                return verdict;
            }

            var slash = at.LastIndexOf('/');
            at = slash < 0 ? "" : at[..slash];
        }

        return null;
    }

    private void Tell(Outcome outcome, XObject what, string? target, string? note)
    {
        if (!_told.Add(what))
        {
            return;
        }

        log.Add(new Finding(outcome, At(what), PathOf(what), Shown(what), target, note));
        // What is said of an element is said of all in it.
        if (what is XElement element && outcome is Outcome.NotNeeded)
        {
            foreach (var inner in element.Descendants().Where(e => !e.HasElements))
            {
                if (_told.Contains(inner))
                {
                    continue;
                }

                if (Secrets.IsSecret(inner.Name.LocalName))
                {
                    Judge(inner);
                }
                else
                {
                    _told.Add(inner);
                    log.Add(new Finding(outcome, At(inner), PathOf(inner), Shown(inner), target, note));
                }
            }
        }
    }

    private static bool IsWso2Default(string text) => text is "wso2carbon" or "admin" or "password" or "wso2";

    private static string ValueOf(XObject what) =>
        what is XAttribute attribute ? attribute.Value : TextOf((XElement)what);

    private static string? Shown(XObject what)
    {
        var name = what is XAttribute attribute ? attribute.Name.LocalName : ((XElement)what).Name.LocalName;
        var text =
            what is XElement { HasElements: false } element && element.Attribute("value") is { } value
                ? value.Value
                : ValueOf(what);
        return text.Length == 0 ? null
            : Secrets.IsSecret(name)
            || (what.Parent is null ? false : Secrets.IsSecret(NameOf(what as XElement ?? what.Parent!)))
                ? Secrets.Mask
            : text.Length <= 120 ? text.ReplaceLineEndings(" ")
            : text[..117].ReplaceLineEndings(" ") + "...";
    }

    private static string NameOf(XElement element) =>
        s_named.Contains(element.Name.LocalName) && element.Attribute("name") is { } name
            ? $"{element.Name.LocalName}[{name.Value}]"
            : element.Name.LocalName;
}
