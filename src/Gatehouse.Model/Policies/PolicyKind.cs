using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Gatehouse.Model;

/// <summary>Where on a call's way a policy acts.</summary>
[Flags]
public enum PolicyFlows
{
    /// <summary>Nowhere.</summary>
    None = 0,

    /// <summary>Before the request is forwarded.</summary>
    Request = 1,

    /// <summary>On the answer.</summary>
    Answer = 2,

    /// <summary>When a problem is told.</summary>
    Fault = 4,
}

/// <summary>
/// The settings of a policy: what its JSON form cannot say about them. Their members have setters: generated readers give an
/// <c>init</c> member that the JSON leaves out the default of its type, not its own.
/// </summary>
internal interface IPolicySettings
{
    /// <summary>What is wrong, with pointers from the settings down.</summary>
    IEnumerable<Problem> Check();
}

/// <summary>One kind of policy: its name, what it does, and the form of its settings.</summary>
public sealed class PolicyKind
{
    private static readonly JsonSchemaExporterOptions s_schema = new()
    {
        TreatNullObliviousAsNonNullable = true,
        TransformSchemaNode = Describe,
    };

    private readonly JsonTypeInfo _settings;
    private readonly Func<object, IEnumerable<Problem>>? _plugin;

    internal PolicyKind(
        string name,
        PolicyFlows flows,
        string summary,
        string example,
        JsonTypeInfo settings,
        Func<object, IEnumerable<Problem>>? plugin = null
    )
    {
        Name = name;
        Flows = flows;
        Summary = summary;
        Example = example;
        _settings = settings;
        _plugin = plugin;
    }

    /// <summary>The kind of a policy that a plug-in adds: it stands anywhere, and acts in the order of the lists.</summary>
    /// <param name="name">With a slash in it.</param>
    /// <param name="summary">What it does.</param>
    /// <param name="example">Settings it takes, as JSON.</param>
    /// <param name="settings">The form of its settings.</param>
    /// <param name="check">What is wrong with settings beyond their form; may throw, which is then what is wrong.</param>
    public static PolicyKind OfPlugin(
        string name,
        string summary,
        string example,
        JsonTypeInfo settings,
        Func<object, IEnumerable<Problem>> check
    ) => new(name, PolicyFlows.Request | PolicyFlows.Answer, summary, example, settings, check) { Repeats = true };

    /// <summary>What an API calls it.</summary>
    public string Name { get; }

    /// <summary>Where it acts.</summary>
    public PolicyFlows Flows { get; }

    /// <summary>True when it stands at an API and never at one operation.</summary>
    public bool ApiOnly { get; init; }

    /// <summary>True when an API's and an operation's both act; otherwise the operation's takes the API's place.</summary>
    public bool Repeats { get; init; }

    /// <summary>One or two sentences for people.</summary>
    public string Summary { get; }

    /// <summary>Settings as JSON that a test reads and runs.</summary>
    public string Example { get; }

    /// <summary>The JSON schema (2020-12) of its settings.</summary>
    public JsonObject Schema()
    {
        var schema = (JsonObject)_settings.GetJsonSchemaAsNode(s_schema);
        var defaults = (JsonObject)
            JsonSerializer.SerializeToNode(JsonSerializer.Deserialize("{}", _settings), _settings)!;
        foreach (var (name, value) in defaults)
        {
            if (value is not null and not JsonObject && schema["properties"]?[name] is JsonObject property)
            {
                property["default"] = value.DeepClone();
            }
        }

        return schema;
    }

    /// <summary>The settings, or null and why not.</summary>
    /// <param name="settings">JSON of the settings; null for all defaults.</param>
    /// <param name="pointer">Where they stand in their document.</param>
    /// <param name="problems">Gets what is wrong.</param>
    public object? Read(JsonElement? settings, string pointer, ICollection<Problem> problems)
    {
        ArgumentNullException.ThrowIfNull(problems);
        try
        {
            var read = settings is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } given
                ? given.Deserialize(_settings)
                : JsonSerializer.Deserialize("{}", _settings);
            var wrong = false;
            foreach (var problem in _plugin is null ? ((IPolicySettings)read!).Check() : _plugin(read!))
            {
                wrong = true;
                problems.Add(problem with { Pointer = pointer + problem.Pointer });
            }

            return wrong ? null : read;
        }
        catch (JsonException bad)
        {
            problems.Add(
                new(
                    pointer + PointerOf(bad.Path),
                    $"Not a setting of {Name}: {Sentence(bad.Message)}",
                    $"gatehouse policy show {Name}{(_plugin is null ? "" : " --plugins DIR")} lists them"
                )
            );
            return null;
        }
        catch (Exception fault) when (_plugin is not null)
        {
            problems.Add(new(pointer, $"The plug-in of {Name} failed over these settings: {Sentence(fault.Message)}"));
            return null;
        }
    }

    // The library ends its messages with path, line and position, which the pointer says better.
    private static string Sentence(string message) => message.Split(" Path: ", 2)[0].TrimEnd('.');

    private static string PointerOf(string? path) =>
        path is null or "$"
            ? ""
            : path[1..]
                .Replace("['", "/", StringComparison.Ordinal)
                .Replace("']", "", StringComparison.Ordinal)
                .Replace('.', '/')
                .Replace('[', '/')
                .Replace("]", "", StringComparison.Ordinal);

    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode schema)
    {
        if (
            schema is JsonObject node
            && context.PropertyInfo?.AttributeProvider?.GetCustomAttributes(typeof(DescriptionAttribute), true)
                is [DescriptionAttribute description, ..]
        )
        {
            node.Insert(0, "description", description.Description);
        }

        return schema;
    }
}
