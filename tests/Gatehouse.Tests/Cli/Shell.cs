using Gatehouse.Cli;

namespace Gatehouse.Tests.Cli;

/// <summary>Runs command lines in this process, with a home directory and an environment of their own.</summary>
internal sealed class Shell : IDisposable
{
    public Shell() => Environment["HOME"] = Home;

    public string Home { get; } = Directory.CreateTempSubdirectory("gatehouse-shell-").FullName;

    public Dictionary<string, string> Environment { get; } = [];

    public bool Interactive { get; init; }

    public int? Width { get; init; }

    public string CredentialsPath => Path.Combine(Home, ".config", "gatehouse", "credentials.json");

    public async Task<Ran> RunAsync(params string[] arguments)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        var code = await CommandLine.RunAsync(
            arguments,
            new Terminal
            {
                Out = output,
                Error = error,
                Environment = name => Environment.GetValueOrDefault(name),
                EnvironmentVariables = () => Environment,
                Interactive = Interactive,
                Color = Interactive && string.IsNullOrEmpty(Environment.GetValueOrDefault("NO_COLOR")),
                Width = Width,
            },
            TestContext.Current.CancellationToken
        );
        return new Ran((ExitCode)code, output.ToString(), error.ToString());
    }

    public string Write(string name, string text)
    {
        var path = Path.Combine(Home, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => Directory.Delete(Home, recursive: true);
}

internal sealed record Ran(ExitCode Code, string Out, string Error);
