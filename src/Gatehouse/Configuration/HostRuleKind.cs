using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Gateway;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>One of <c>balancer.hosts</c>: what the load balancer does for callers of some names by itself.</summary>
internal sealed class HostRuleKind : ValueKind<HostRule>
{
    private const string Form = "write { hosts: [am.example.com], ... }";
    private static readonly string[] s_fields =
    [
        "hosts",
        "scheme",
        "path",
        "exact",
        "return",
        "requestHeaders",
        "answerHeaders",
        "onErrors",
        "rate",
    ];
    private static readonly string[] s_schemes = ["http", "https"];
    private static readonly PropertiesKind s_headers = new();
    private static readonly HostReturnKind s_return = new();
    private static readonly AddressRateKind s_rate = new();
    private static readonly ValueKind<string> s_scheme = new ScalarKind<string>(
        "scheme",
        "write http or https, or leave it out for both",
        s => s_schemes.Contains(s.Text) ? s.Text : new Parsed<string>(null, $"'{s.Text}' is not a scheme"),
        v => v,
        () => new() { ["enum"] = new JsonArray("http", "https") }
    );
    private static readonly ValueKind<string> s_path = new ScalarKind<string>(
        "path",
        "write what a path begins with, such as /legacy/, as callers send it",
        s =>
            s.Text is ['/', ..] && s.Text.Length <= 1024 && s.Text.All(c => c is > ' ' and <= '~' and not ('?' or '#'))
                ? s.Text
                : new Parsed<string>(null, $"'{s.Text}' is not a path"),
        v => v,
        () => new() { ["type"] = "string", ["pattern"] = "^/" }
    );

    public override string Name => "host rule";

    public override bool TryRead(ConfigNode node, string key, ICollection<Problem> problems, out HostRule value)
    {
        value = new();
        if (node is not ConfigMap map)
        {
            return WrongShape(node, key, problems, Form);
        }

        var section = new SectionReader(map, key, problems, s_fields);
        var none = ImmutableSortedDictionary<string, string>.Empty;
        value = new()
        {
            Hosts = section.Read("hosts", ValueKinds.Hosts, []),
            Scheme = section.Read("scheme", s_scheme, null!),
            Path = section.Read("path", s_path, null!),
            IsExact = section.Read("exact", ValueKinds.Boolean, false),
            Return = section.Read("return", s_return, null!),
            RequestHeaders = section.Read("requestHeaders", s_headers, none),
            AnswerHeaders = section.Read("answerHeaders", s_headers, none),
            OnErrors = section.Read("onErrors", ValueKinds.Boolean, true),
            Rate = section.Read("rate", s_rate, null!),
        };
        if (value is { IsExact: true, Path: null })
        {
            section.Add("exact", "it does not say which path is meant", "add path: /PATH");
        }

        CheckHeaders(section, "requestHeaders", value.RequestHeaders, isTemplate: true);
        CheckHeaders(section, "answerHeaders", value.AnswerHeaders, isTemplate: false);
        return section.IsGood;
    }

    private static void CheckHeaders(
        SectionReader section,
        string field,
        ImmutableSortedDictionary<string, string> headers,
        bool isTemplate
    )
    {
        foreach (var (name, text) in headers)
        {
            if ((HeaderRules.NameProblem(name) ?? HeaderRules.ValueProblem(text)) is { } wrong)
            {
                section.Add(field, $"{name}: {wrong}", "take the header out");
            }
            else if (name.Equals("Authorization", StringComparison.OrdinalIgnoreCase))
            {
                section.Add(
                    field,
                    "a credential must not stand in a configuration",
                    "give it to the API whose backend asks for it: gatehouse api credential"
                );
            }
            else if (isTemplate && CallText.Parse(text, out var problem) is null)
            {
                section.Add(field, $"{name}: {problem}", $"of a call there are {CallText.Names}");
            }
        }
    }

    public override JsonNode? Write(HostRule value)
    {
        var json = new JsonObject();
        Add("hosts", value.Hosts.IsEmpty ? null : ValueKinds.Hosts.Write(value.Hosts));
        Add("scheme", value.Scheme);
        Add("path", value.Path);
        Add("exact", value.IsExact ? true : null);
        Add("return", value.Return is null ? null : s_return.Write(value.Return));
        Add("requestHeaders", value.RequestHeaders.IsEmpty ? null : s_headers.Write(value.RequestHeaders));
        Add("answerHeaders", value.AnswerHeaders.IsEmpty ? null : s_headers.Write(value.AnswerHeaders));
        Add("onErrors", value.OnErrors ? null : false);
        Add("rate", value.Rate is null ? null : s_rate.Write(value.Rate));
        return json;

        void Add(string name, JsonNode? field)
        {
            if (field is not null)
            {
                json[name] = field;
            }
        }
    }

    public override JsonObject Schema() =>
        new()
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = new JsonObject
            {
                ["hosts"] = ValueKinds.Hosts.Schema(),
                ["scheme"] = s_scheme.Schema(),
                ["path"] = s_path.Schema(),
                ["exact"] = ValueKinds.Boolean.Schema(),
                ["return"] = s_return.Schema(),
                ["requestHeaders"] = s_headers.Schema(),
                ["answerHeaders"] = s_headers.Schema(),
                ["onErrors"] = ValueKinds.Boolean.Schema(),
                ["rate"] = s_rate.Schema(),
            },
        };
}
