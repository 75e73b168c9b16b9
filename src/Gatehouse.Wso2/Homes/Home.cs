using System.Collections.Immutable;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// An old node's directory, read: <c>repository/conf</c> with <c>carbon.xml</c>, <c>tomcat/catalina-server.xml</c>,
/// <c>axis2/axis2.xml</c>, and beside them what is there of <c>api-manager.xml</c>, <c>datasources</c> and
/// <c>deployment.toml</c>. Reads; never writes, never connects.
/// </summary>
public sealed class Home
{
    private Home(
        string directory,
        ReadingLog log,
        ImmutableArray<HomeSetting> settings,
        string? joinToken,
        ImmutableArray<string> artifacts
    )
    {
        Directory = directory;
        Log = log;
        Settings = settings;
        JoinToken = joinToken;
        Artifacts = artifacts;
    }

    /// <summary>As it was given.</summary>
    public string Directory { get; }

    /// <summary>What was found, and what is wrong.</summary>
    public ReadingLog Log { get; }

    /// <summary>The settings it describes, each key once.</summary>
    public ImmutableArray<HomeSetting> Settings { get; }

    /// <summary>A join token in <c>groupPassword</c>; null when there is none.</summary>
    public string? JoinToken { get; }

    /// <summary>Files in <c>repository/deployment/server</c> that the old server would have deployed.</summary>
    public ImmutableArray<string> Artifacts { get; }

    /// <summary>True when the directory looks like an old node's.</summary>
    public static bool Is(string directory) =>
        System.IO.Directory.Exists(Path.Combine(directory, "repository", "conf"));

    /// <summary>Reads it. Problems are in the log; what could be read is there all the same.</summary>
    public static Home Read(string directory, HomeOptions options)
    {
        var log = new ReadingLog();
        if (!Is(directory))
        {
            log.Add(
                new Model.Problem(
                    "",
                    System.IO.Directory.Exists(directory)
                        ? "this is no WSO2 home: it has no repository/conf"
                        : "there is no such directory",
                    "name the directory that holds bin/ and repository/",
                    directory
                )
            );
            return new(directory, log, [], null, []);
        }

        var draft = new HomeDraft(directory, options, log);
        var conf = Path.Combine(directory, "repository", "conf");
        ReadXml(conf, "carbon.xml", xml => CarbonXml.Read(xml, draft), CarbonXml.Verdicts, log);
        ReadXml(
            conf,
            Path.Combine("tomcat", "catalina-server.xml"),
            xml => CatalinaServerXml.Read(xml, draft),
            CatalinaServerXml.Verdicts,
            log
        );
        ReadXml(conf, Path.Combine("axis2", "axis2.xml"), xml => Axis2Xml.Read(xml, draft), Axis2Xml.Verdicts, log);
        ReadXml(conf, "api-manager.xml", xml => ApiManagerXml.Read(xml, draft), ApiManagerXml.Verdicts, log);
        ReadXml(
            conf,
            Path.Combine("datasources", "master-datasources.xml"),
            xml => DatasourcesXml.Read(xml, draft),
            DatasourcesXml.Verdicts,
            log
        );
        if (File.Exists(Path.Combine(conf, "deployment.toml")))
        {
            DeploymentToml.Read(Path.Combine(conf, "deployment.toml"), draft);
        }

        var artifacts = ServerArtifacts.In(directory);
        draft.Settle();
        return new(directory, log, draft.Settings, draft.JoinToken, artifacts);
    }

    private static void ReadXml(
        string conf,
        string name,
        Action<ElementReader> read,
        IReadOnlyDictionary<string, Verdict> verdicts,
        ReadingLog log
    )
    {
        var path = Path.Combine(conf, name);
        if (File.Exists(path) && SafeXml.ReadFile(path, log) is { Root: not null } document)
        {
            read(new ElementReader(document, path, log, verdicts));
        }
    }
}
