using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>The docstrings of types and members, from the files the compiler writes beside assemblies.</summary>
internal static partial class Docstrings
{
    private static readonly Dictionary<string, XElement> s_members = Directory
        .EnumerateFiles(AppContext.BaseDirectory, "Gatehouse.*.xml")
        .SelectMany(file => XDocument.Load(file).Descendants("member"))
        .GroupBy(member => member.Attribute("name")!.Value)
        .ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);

    /// <summary>The summary of a type; null when it has none.</summary>
    public static string? OfType(Type type) => Text(Find($"T:{NameOf(type)}")?.Element("summary"));

    /// <summary>The summary of a property, or what a record says of the parameter it comes from; null when there is none.</summary>
    public static string? OfProperty(PropertyInfo property) =>
        Text(Find($"P:{NameOf(property.DeclaringType!)}.{property.Name}")?.Element("summary"))
        ?? Text(
            Find($"T:{NameOf(property.DeclaringType!)}")
                ?.Elements("param")
                .FirstOrDefault(p => p.Attribute("name")?.Value == property.Name)
        );

    private static XElement? Find(string name) => s_members.GetValueOrDefault(name);

    private static string NameOf(Type type) =>
        (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');

    private static string? Text(XElement? element)
    {
        if (element is null)
        {
            return null;
        }

        foreach (var see in element.Descendants().Where(e => e.Name == "see" || e.Name == "paramref").ToList())
        {
            var name = (see.Attribute("cref") ?? see.Attribute("langword") ?? see.Attribute("name"))?.Value ?? "";
            see.ReplaceWith(name.Split('.', ':')[^1]);
        }

        var text = Space().Replace(element.Value, " ").Trim();
        return text.Length == 0 ? null : text;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
