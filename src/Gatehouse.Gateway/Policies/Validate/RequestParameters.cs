using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Checks the parameters of one operation: those of path, query, headers and cookies.</summary>
internal sealed class RequestParameters
{
    private const int MostProblems = 8;

    private readonly Parameter[] _parameters;
    private readonly PathParameters _path;
    private readonly bool _readsQuery;
    private readonly bool _readsCookies;
    private readonly bool _refusesUnknown;
    private readonly bool _formats;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly bool _takesAnyName;

    public RequestParameters(
        string path,
        ImmutableArray<ParameterContract> contracts,
        ContractSchemas schemas,
        ValidateSettings settings
    )
    {
        _parameters = [.. contracts.Select(c => new Parameter(c, schemas.OfRequest(c.Schema)))];
        _path = PathParameters.Of(path);
        _refusesUnknown = settings.RefuseUnknownQuery;
        _formats = settings.Formats;
        _readsCookies = contracts.Any(c => c.In == "cookie");
        _readsQuery = _refusesUnknown || contracts.Any(c => c.In == "query");
        foreach (var parameter in _parameters.Where(p => p.Contract.In == "query"))
        {
            _known.Add(parameter.Contract.Name);
            if (parameter.IsSpreadObject)
            {
                _known.UnionWith(parameter.Schema.Members);
                _takesAnyName |= !parameter.Schema.Members.Any();
            }
        }
    }

    /// <summary>What does not fit.</summary>
    public ImmutableArray<ProblemDetail> Check(Exchange exchange)
    {
        if (_parameters.Length == 0 && !_refusesUnknown)
        {
            return [];
        }

        var wrong = ImmutableArray.CreateBuilder<ProblemDetail>();
        List<(string Name, string Raw)> query = [];
        if (_readsQuery)
        {
            var text = exchange.Target.Query(exchange.Request.RawTarget);
            if (QueryText.Pairs(text.IsEmpty ? text : text[1..]) is not { } pairs)
            {
                return [new("query", "", $"has more than {QueryText.MostPairs} parameters")];
            }

            query = pairs;
        }

        var cookies = _readsCookies ? CookiesOf(exchange) : [];
        var path = _path.Read(exchange.Resource);
        foreach (var parameter in _parameters)
        {
            var contract = parameter.Contract;
            var message = contract.In switch
            {
                "path" => path.TryGetValue(contract.Name, out var raw) ? CheckText(parameter, [raw]) : null,
                "header" => CheckText(parameter, [.. exchange.Request.Headers[contract.Name].OfType<string>()]),
                "cookie" => CheckText(parameter, [.. cookies.Where(c => c.Name == contract.Name).Select(c => c.Raw)]),
                _ => CheckQuery(parameter, query),
            };
            if (message is not null && wrong.Count < MostProblems)
            {
                wrong.Add(new(contract.In, contract.Name, message));
            }
        }

        if (_refusesUnknown && !_takesAnyName)
        {
            foreach (var (name, _) in query.Where(q => !IsKnown(q.Name)).DistinctBy(q => q.Name))
            {
                if (wrong.Count < MostProblems)
                {
                    wrong.Add(new("query", name.Length > 80 ? $"{name[..80]}…" : name, "is not described"));
                }
            }
        }

        return wrong.ToImmutable();
    }

    private bool IsKnown(string name) =>
        _known.Contains(name)
        || (
            name.IndexOf('[', StringComparison.Ordinal) is > 0 and var at
            && name[^1] == ']'
            && _known.Contains(name[..at])
        );

    private string? CheckQuery(Parameter parameter, List<(string Name, string Raw)> query)
    {
        var contract = parameter.Contract;
        if (contract.Style == "deepObject")
        {
            var members = query
                .Where(q =>
                    q.Name.Length > contract.Name.Length + 2
                    && q.Name.StartsWith($"{contract.Name}[", StringComparison.Ordinal)
                    && q.Name[^1] == ']'
                )
                .Select(q => (q.Name[(contract.Name.Length + 1)..^1], QueryText.Decode(q.Raw)))
                .ToList();
            return CheckObject(parameter, members);
        }

        if (parameter.IsSpreadObject)
        {
            var names = parameter.Schema.Members.ToHashSet(StringComparer.Ordinal);
            return CheckObject(
                parameter,
                [.. query.Where(q => names.Contains(q.Name)).Select(q => (q.Name, QueryText.Decode(q.Raw)))]
            );
        }

        return CheckText(parameter, [.. query.Where(q => q.Name == contract.Name).Select(q => q.Raw)]);
    }

    private string? CheckObject(Parameter parameter, List<(string, string)> members) =>
        members.Count == 0
            ? parameter.Contract.Required
                ? "is missing"
                : null
            : Check(parameter, ParameterText.Object(members, parameter.Schema), members.Count * 32);

    private string? CheckText(Parameter parameter, string[] raw)
    {
        var contract = parameter.Contract;
        if (raw.Length == 0)
        {
            return contract.Required ? "is missing" : null;
        }

        var size = raw.Sum(r => r.Length);
        var decode =
            contract.In == "query" ? QueryText.Decode
            : contract.In == "header" ? (Func<string, string>)(static t => t)
            : Uri.UnescapeDataString;
        if (parameter.Types.HasFlag(JsonTypes.Array))
        {
            var items =
                contract.Explode && contract.In is "query" or "cookie"
                    ? raw
                    : raw.SelectMany(r => r.Split(parameter.Delimiters, StringSplitOptions.None));
            var decoded = items.Select(i => contract.In == "header" ? i.Trim() : decode(i));
            return Check(parameter, ParameterText.List(decoded, parameter.Schema.Items?.Types ?? JsonTypes.None), size);
        }

        if (raw.Length > 1)
        {
            // Whoever reads it next may take the other one.
            return "is there more than once";
        }

        var text = decode(raw[0]);
        if (contract.IsJson)
        {
            try
            {
                return Check(
                    parameter,
                    JsonElement.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false }),
                    size
                );
            }
            // Half a surrogate pair in a name is JSON that no text can be had of.
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                return "is not JSON";
            }
        }

        if (parameter.Types == JsonTypes.Object)
        {
            var parts = raw[0].Split(',');
            var pairs = contract.Explode
                ? parts.Select(p => p.Split('=', 2)).Where(p => p.Length == 2)
                : parts.Chunk(2).Where(p => p.Length == 2);
            return Check(
                parameter,
                ParameterText.Object([.. pairs.Select(p => (decode(p[0]), decode(p[1])))], parameter.Schema),
                size
            );
        }

        return Check(parameter, ParameterText.Value(text, parameter.Types), size);
    }

    private string? Check(Parameter parameter, JsonElement value, long size) =>
        parameter.Schema.Check(value, size, _formats) is [var first, ..] ? first.ToString() : null;

    private static List<(string Name, string Raw)> CookiesOf(Exchange exchange)
    {
        var cookies = new List<(string, string)>();
        foreach (var pair in exchange.Request.Headers.Cookie.ToString().Split(';', QueryText.MostPairs))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                cookies.Add((pair[..equals].Trim(), pair[(equals + 1)..].Trim().Trim('"')));
            }
        }

        return cookies;
    }

    private sealed class Parameter(ParameterContract contract, JsonSchema schema)
    {
        public ParameterContract Contract => contract;

        public JsonSchema Schema => schema;

        public JsonTypes Types { get; } = schema.Types;

        /// <summary>An object whose members are parameters of their own.</summary>
        public bool IsSpreadObject { get; } =
            contract is { In: "query", Style: "form", Explode: true, IsJson: false }
            && schema.Types == JsonTypes.Object;

        public string[] Delimiters { get; } =
            contract.Style switch
            {
                "spaceDelimited" => ["%20", "+", " "],
                "pipeDelimited" => ["|", "%7C", "%7c"],
                "tabDelimited" => ["%09", "\t"],
                _ => [","],
            };
    }
}
