using System.ComponentModel;

namespace Gatehouse.Model;

/// <summary>Settings of <c>validate</c>.</summary>
public sealed record ValidateSettings : IPolicySettings
{
    /// <summary>What becomes of a request that does not fit.</summary>
    [Description("What becomes of a request that does not fit: refuse (400), log or off")]
    public string Request { get; set; } = "refuse";

    /// <summary>What becomes of an answer that does not fit.</summary>
    [Description(
        "What becomes of an answer that does not fit: refuse (502; answers with a JSON schema are then held until they are complete), log or off"
    )]
    public string Answer { get; set; } = "off";

    /// <summary>What becomes of query parameters that the document does not know.</summary>
    [Description("Refuses query parameters that the document does not name")]
    public bool RefuseUnknownQuery { get; set; }

    /// <summary>Whether <c>format</c> counts.</summary>
    [Description(
        "Checks format: date, time, date-time, duration, uuid, ipv4, ipv6, hostname, email, uri, int32, int64 and more"
    )]
    public bool Formats { get; set; } = true;

    /// <summary>Largest body that is checked.</summary>
    [Description(
        "The largest body that is checked, in bytes; a larger request is refused with 413, a larger answer passes unchecked when logging"
    )]
    public int MaxBytes { get; set; } = 1024 * 1024;

    /// <summary>Deepest nesting of a body.</summary>
    [Description("The deepest nesting of objects and arrays in a body")]
    public int MaxDepth { get; set; } = 64;

    IEnumerable<Problem> IPolicySettings.Check()
    {
        foreach (var (pointer, value) in new[] { ("/request", Request), ("/answer", Answer) })
        {
            if (value is not ("refuse" or "log" or "off"))
            {
                yield return new(pointer, $"'{value}' is not refuse, log or off");
            }
        }

        foreach (var problem in Bounds.Check(("maxBytes", MaxBytes, 16 << 20), ("maxDepth", MaxDepth, 200)))
        {
            yield return problem;
        }
    }
}
