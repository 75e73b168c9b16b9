using System.CommandLine;

namespace Gatehouse.Cli;

/// <summary>Options every command understands.</summary>
internal static class GlobalOptions
{
    /// <summary>Table for people, JSON or YAML for programs.</summary>
    public static readonly Option<OutputFormat> Format = new("--output", "-o")
    {
        Description = "How to print: table, json or yaml",
        HelpName = "FORMAT",
        Recursive = true,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (Enum.TryParse<OutputFormat>(text, ignoreCase: true, out var format) && !int.TryParse(text, out _))
            {
                return format;
            }

            result.AddError($"'{text}' is not an output format; use table, json or yaml");
            return default;
        },
    };

    /// <summary>The manager to talk to, instead of the saved ones.</summary>
    public static readonly Option<string[]> Manager = new("--manager", "--url")
    {
        Description = "Manager to talk to, such as https://mgr-1:9443 (may be given several times)",
        HelpName = "URL",
        Recursive = true,
    };

    /// <summary>A file that holds the bearer token, instead of the saved one.</summary>
    public static readonly Option<string?> TokenFile = new("--token-file")
    {
        Description = "File that holds the bearer token",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>The certificate authority to trust, instead of the saved one.</summary>
    public static readonly Option<string?> Ca = new("--ca")
    {
        Description = "PEM file of the cluster's certificate authority",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>Which saved cluster to talk to.</summary>
    public static readonly Option<string?> Context = new("--context")
    {
        Description = "Saved cluster to talk to (default: the one signed in to last)",
        HelpName = "NAME",
        Recursive = true,
    };

    /// <summary>How long one request to a manager may take.</summary>
    public static readonly Option<int> Timeout = new("--timeout")
    {
        Description = "Seconds one request to a manager may take",
        HelpName = "SECONDS",
        Recursive = true,
        DefaultValueFactory = _ => 30,
    };

    /// <summary>Only data and errors.</summary>
    public static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Print data and errors only",
        Recursive = true,
    };

    /// <summary>No colours.</summary>
    public static readonly Option<bool> NoColor = new("--no-color")
    {
        Description = "No colours (also: NO_COLOR=1)",
        Recursive = true,
    };

    /// <summary>Twice for what a maintainer needs.</summary>
    public static readonly Option<bool> Verbose = new("-vv")
    {
        Description = "Also print the stack trace of an error",
        Recursive = true,
    };

    /// <summary>All, in the order help shows them.</summary>
    public static IReadOnlyList<Option> All { get; } =
    [Format, Manager, Context, TokenFile, Ca, Timeout, Quiet, NoColor, Verbose];
}

/// <summary>How data is printed.</summary>
internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>For programs.</summary>
    Json,

    /// <summary>For files.</summary>
    Yaml,
}
