using System.Collections.Immutable;

namespace Gatehouse.Wso2;

/// <summary>Everything that one run of <c>import wso2</c> read, and what it became. Nothing is written here.</summary>
public sealed class Import
{
    private readonly List<ImportedApi> _apis = [];
    private readonly List<ImportedLimit> _limits = [];
    private readonly List<ImportedFile> _files = [];
    private readonly List<(string Kind, string Name, Place Place)> _named = [];

    private Import() { }

    /// <summary>What was found, and what is wrong.</summary>
    public ReadingLog Log { get; } = new();

    /// <summary>Settings of the node that the home describes; empty without a home.</summary>
    public ImmutableArray<HomeSetting> Node { get; private set; } = [];

    /// <summary>Settings of the load balancer that the NGINX files describe; empty without them.</summary>
    public ImmutableArray<HomeSetting> Balancer { get; private set; } = [];

    /// <summary>The APIs, by name and version.</summary>
    public ImmutableArray<ImportedApi> Apis =>
        [.. _apis.OrderBy(a => a.Name, StringComparer.Ordinal).ThenBy(a => a.Version, StringComparer.Ordinal)];

    /// <summary>Applications with their subscriptions, clients and tokens; of a database.</summary>
    public ImmutableArray<ImportedApplication> Applications { get; private set; } = [];

    /// <summary>Plans and limits.</summary>
    public ImmutableArray<ImportedLimit> Limits =>
        [.. _limits.OrderBy(l => l.Kind, StringComparer.Ordinal).ThenBy(l => l.Name, StringComparer.Ordinal)];

    /// <summary>Every place that was to be read is there.</summary>
    public bool HasItsInputs { get; private init; } = true;

    /// <summary>Certificates and keys.</summary>
    public ImmutableArray<ImportedFile> Files => [.. _files];

    /// <summary>
    /// Reads a WSO2 home, a directory of Synapse files, an apictl project or archive, or a directory of any of these; and NGINX
    /// files when <paramref name="nginx"/> names them.
    /// </summary>
    public static Import Read(string path, string? nginx)
    {
        var import = new Import { HasItsInputs = Path.Exists(path) && (nginx is null || Directory.Exists(nginx)) };
        import.ReadAny(Path.GetFullPath(path), depth: 0);
        import.AssumeWhatIsNamed();
        if (nginx is not null)
        {
            var hosts = import.Node.FirstOrDefault(s => s.Key == "hosts.management")?.Value is HomeValue.List list
                ? [.. list.Items.Select(i => i.Value)]
                : ImmutableArray<string>.Empty;
            import.Balancer = new NginxReader(import.Log, hosts).Read(Path.GetFullPath(nginx));
        }

        return import;
    }

    /// <summary>
    /// Reads the applications of an old database from an SQL dump of it (<c>AM_*</c> and <c>IDN_*</c>), in the words of MySQL or
    /// PostgreSQL.
    /// </summary>
    /// <param name="path">The dump.</param>
    /// <param name="now">Tokens that ended before it are left out.</param>
    /// <param name="zone">How far the clock that the times were written by was ahead of UTC.</param>
    public static Import ReadDump(string path, DateTimeOffset now, TimeSpan zone)
    {
        var import = new Import();
        var database = new OldDatabase(now, zone, import.Log);
        SqlDump.Read(Path.GetFullPath(path), database, import.Log);
        import.Take(database, path);
        return import;
    }

    /// <summary>Reads the applications of an old database from its rows, which <paramref name="rows"/> hands over.</summary>
    public static async Task<Import> ReadDatabaseAsync(
        string name,
        DateTimeOffset now,
        TimeSpan zone,
        Func<OldDatabase, Task> rows
    )
    {
        var import = new Import();
        var database = new OldDatabase(now, zone, import.Log);
        await rows(database).ConfigureAwait(false);
        import.Take(database, name);
        return import;
    }

    private void Take(OldDatabase database, string name)
    {
        if (!database.IsOld && Log.Problems.Count == 0)
        {
            Log.Add(
                new Model.Problem(
                    "",
                    "it has no rows of WSO2 API Manager (AM_APPLICATION, AM_SUBSCRIPTION, IDN_OAUTH_CONSUMER_APPS…)",
                    "dump the database that WSO2AM_DB names, with its data",
                    name
                )
            );
            return;
        }

        foreach (var table in OldPlans.Tables)
        {
            foreach (var row in database.Rows(table))
            {
                if (OldPlans.Read(row, Log) is { } limit)
                {
                    Add(limit);
                }
            }
        }

        var consumers = new OldConsumers(database, Log);
        Applications = consumers.Read();

        // 1.x kept its tiers in the registry and in files; since 2.x they are here, and each one that is named is there.
        if (OldPlans.Tables.All(table => database.Rows(table).Count == 0))
        {
            _named.AddRange(consumers.Named);
            AssumeWhatIsNamed();
        }
    }

    private void AssumeWhatIsNamed()
    {
        foreach (var (kind, name, place) in _named.DistinctBy(n => (n.Kind, n.Name)))
        {
            if (!_limits.Exists(l => l.Kind == kind && l.Name == name) && OldDefaults.Find(kind, name) is { } limit)
            {
                Add(limit);
                Log.Add(
                    new Finding(
                        Outcome.Converted,
                        place,
                        "tier",
                        name,
                        $"{kind}/{name}",
                        $"{limit.Document["quota"]}, WSO2 1.x's own number: no file of tiers is here. Where it was changed, import the home (gatehouse import wso2 HOME) or set it with 'gatehouse {(kind == "plans" ? "plan" : "limit")} create'"
                    )
                );
            }
        }
    }

    internal void Add(ImportedApi api, Place place)
    {
        if (_apis.Exists(a => a.Name == api.Name && a.Version == api.Version))
        {
            Log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    place,
                    "api",
                    $"{api.Name}:{api.Version}",
                    null,
                    "an API of this name and version was read already; this one is left out"
                )
            );
            return;
        }

        _apis.Add(api);
        _named.AddRange(api.LimitNames().Select(name => ("api-policies", name, place)));
    }

    internal void Add(ImportedLimit limit)
    {
        if (!_limits.Exists(l => l.Kind == limit.Kind && l.Name == limit.Name))
        {
            _limits.Add(limit);
        }
    }

    internal void Add(ImportedFile file)
    {
        if (!_files.Exists(f => f.Path == file.Path))
        {
            _files.Add(file);
        }
    }

    internal void AddCertificate(string certificate, string key, Place place) =>
        Node = Node.Add(
            new("tls.certificates", new HomeValue.Map([("cert", certificate, place), ("key", key, place)]), place)
        );

    private void ReadAny(string path, int depth)
    {
        if (File.Exists(path))
        {
            if (Path.GetExtension(path).Equals(".zip", StringComparison.OrdinalIgnoreCase))
            {
                ProjectArchive.Read(path, this);
            }
            else if (depth == 0)
            {
                Log.Add(
                    new Model.Problem(
                        "",
                        "this is no directory and no .zip archive",
                        "name a WSO2 home, an API project, or a directory of them",
                        path
                    )
                );
            }
        }
        else if (!Directory.Exists(path))
        {
            Log.Add(
                new Model.Problem(
                    "",
                    "there is no such directory or file",
                    "name a WSO2 home, an API project, or a directory of them",
                    path
                )
            );
        }
        else if (Home.Is(path))
        {
            ReadHome(path);
        }
        else if (ApiProject.Is(path))
        {
            ApiProject.Read(ProjectFolder.Of(path, Log), this);
        }
        else if (SynapseFolder.Is(path))
        {
            SynapseFolder.Read(path, tenant: null, this);
        }
        else
        {
            ReadInside(path, depth);
        }
    }

    private void ReadInside(string path, int depth)
    {
        var inside = Directory
            .EnumerateFileSystemEntries(path)
            .Where(e => Directory.Exists(e) || e.EndsWith(".zip", StringComparison.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal)
            .ToList();
        foreach (var entry in depth < 3 ? inside : [])
        {
            ReadAny(entry, depth + 1);
        }

        foreach (var file in Directory.EnumerateFiles(path, "*.y*ml").Order(StringComparer.Ordinal))
        {
            if (
                SafeFile.Read(file, Log) is { } bytes
                && SafeYaml.Read(bytes, file, Log) is { } root
                && Tiers.IsPolicy(root)
            )
            {
                Tiers.ReadYaml(root, this);
            }
        }

        foreach (var file in Directory.EnumerateFiles(path, "*tiers*.xml").Order(StringComparer.Ordinal))
        {
            Tiers.ReadXml(file, this);
        }

        if (depth == 0 && Log.Findings.Count == 0 && Log.Problems.Count == 0)
        {
            Log.Add(
                new Model.Problem(
                    "",
                    "nothing of WSO2 is in this directory",
                    "name a WSO2 home (with repository/conf), an API project (with api.yaml or Meta-information), or a directory of them",
                    path
                )
            );
        }
    }

    private void ReadHome(string path)
    {
        var home = Home.Read(path, new());
        foreach (var finding in home.Log.Findings)
        {
            Log.Add(
                finding.Outcome == Outcome.NeedsYou
                && finding.Value is { } location
                && Keystores.IsThere(path, location)
                    ? finding with
                    {
                        Outcome = Outcome.NotNeeded,
                        Note = "read: see the lines of the keystore itself",
                    }
                    : finding
            );
        }

        foreach (var problem in home.Log.Problems)
        {
            Log.Add(problem);
        }

        Node = WithProfile(home.Settings);
        var synapse = Path.Combine(path, "repository", "deployment", "server", "synapse-configs", "default");
        if (Directory.Exists(synapse))
        {
            SynapseFolder.Read(synapse, tenant: null, this);
        }

        var tenants = Path.Combine(path, "repository", "tenants");
        foreach (
            var tenant in Directory.Exists(tenants)
                ? Directory.EnumerateDirectories(tenants).Order(StringComparer.Ordinal)
                : Enumerable.Empty<string>()
        )
        {
            var folder = Path.Combine(tenant, "synapse-configs", "default");
            if (Directory.Exists(folder))
            {
                SynapseFolder.Read(folder, Path.GetFileName(tenant), this);
            }
        }

        Tiers.ReadHome(path, this);
        Keystores.ReadHome(path, this);
    }

    // The start command said it; the sub-domain is what the files have of it.
    private static ImmutableArray<HomeSetting> WithProfile(ImmutableArray<HomeSetting> settings) =>
        settings.FirstOrDefault(s => s.Key == "node.subDomain") is { Value: HomeValue.Text label } subDomain
        && label.Value is "mgt" or "worker"
            ?
            [
                new(
                    "node.profile",
                    new HomeValue.Text(label.Value == "mgt" ? "gateway-manager" : "gateway-worker"),
                    subDomain.Place
                ),
                .. settings,
            ]
            : settings;
}
