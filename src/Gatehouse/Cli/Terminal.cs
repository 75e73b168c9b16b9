namespace Gatehouse.Cli;

/// <summary>The world around one invocation: writers, environment, and what kind of screen there is. Tests bring their own.</summary>
internal sealed record Terminal
{
    /// <summary>Data.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Progress and messages.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Reads an environment variable.</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>Every environment variable.</summary>
    public required Func<IEnumerable<KeyValuePair<string, string>>> EnvironmentVariables { get; init; }

    /// <summary>A person watches standard output: live tables may redraw.</summary>
    public bool Interactive { get; init; }

    /// <summary>Colours may be used.</summary>
    public bool Color { get; init; }

    /// <summary>Columns of the screen; null when there is none.</summary>
    public int? Width { get; init; }

    /// <summary>This process's own.</summary>
    public static Terminal OfProcess()
    {
        var screen = !Console.IsOutputRedirected && IsScreen(System.Environment.GetEnvironmentVariable);
        return new Terminal
        {
            Out = Console.Out,
            Error = Console.Error,
            Environment = System.Environment.GetEnvironmentVariable,
            EnvironmentVariables = () =>
                System
                    .Environment.GetEnvironmentVariables()
                    .Cast<System.Collections.DictionaryEntry>()
                    .Select(e => KeyValuePair.Create((string)e.Key, (string?)e.Value ?? "")),
            Interactive = screen,
            Color = screen && string.IsNullOrEmpty(System.Environment.GetEnvironmentVariable("NO_COLOR")),
            Width = screen && Console.WindowWidth > 0 ? Console.WindowWidth : null,
        };
    }

    private static bool IsScreen(Func<string, string?> environment) =>
        environment("TERM") != "dumb" && environment("CI") is null or "" or "false";
}
