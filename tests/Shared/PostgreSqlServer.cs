using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Management;
using Npgsql;

namespace Gatehouse.TestSupport;

/// <summary>
/// A PostgreSQL server of the tests' own: a new cluster in a temporary directory on a loopback port, run by a user without
/// rights when the tests are root. It ends with the tests, also when they are killed.
/// </summary>
internal sealed class PostgreSqlServer : IAsyncDisposable
{
    private const string User = "gatehouse";

    // The server's parent: when its standard input ends, because it is told to or the tests died, so does the server.
    private const string Keeper = """
        "$@" & server=$!
        cat >/dev/null
        kill -INT $server 2>/dev/null
        wait $server
        """;

    private static readonly SemaphoreSlim s_starting = new(1, 1);
    private static PostgreSqlServer? s_shared;

    private readonly string _bin;
    private readonly IReadOnlyList<string> _settings;
    private Process? _keeper;
    private int _databases;

    private PostgreSqlServer(string bin, string directory, IReadOnlyList<string> settings)
    {
        _bin = bin;
        Directory = directory;
        _settings = settings;
    }

    /// <summary>Why no server can be started here; null when one can.</summary>
    public static string? Missing { get; } =
        FindBin() is null ? "PostgreSQL is not installed: apt-get install postgresql" : null;

    public string Directory { get; }

    public string Data => Path.Combine(Directory, "data");

    public int Port { get; private set; }

    /// <summary>The postmaster.</summary>
    public int ProcessId =>
        int.Parse(File.ReadLines(Path.Combine(Data, "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    /// <summary>One server for all tests of this process. It syncs nothing: the machine does not lose its power under a test.</summary>
    public static async Task<PostgreSqlServer> SharedAsync()
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        await s_starting.WaitAsync();
        try
        {
            if (s_shared is null)
            {
                var server = await StartAsync("fsync=off", "full_page_writes=off", "max_connections=400");
                AppDomain.CurrentDomain.ProcessExit += (_, _) =>
                    server.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20));
                s_shared = server;
            }

            return s_shared;
        }
        finally
        {
            s_starting.Release();
        }
    }

    /// <summary>A server of one test's own.</summary>
    public static Task<PostgreSqlServer> StartAsync(params string[] settings) =>
        StartInAsync(System.IO.Directory.CreateTempSubdirectory("gatehouse-postgresql-").FullName, settings);

    /// <summary>The same in a directory that is given, such as one on a small disk.</summary>
    public static async Task<PostgreSqlServer> StartInAsync(string directory, params string[] settings)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        var server = new PostgreSqlServer(FindBin()!, directory, settings);
        if (Environment.IsPrivilegedProcess)
        {
            await RunAsync("chown", ["nobody", directory]);
        }

        await RunAsync(
            AsUser(),
            [
                Path.Combine(server._bin, "initdb"),
                "--pgdata",
                server.Data,
                "--username",
                User,
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
                "--no-sync",
            ]
        );
        for (var attempt = 1; ; attempt++)
        {
            // Now, because what is free may be taken while initdb works.
            server.Port = FreePort();
            try
            {
                await server.StartAgainAsync();
                return server;
            }
            catch (PortTakenException) when (attempt < 5)
            {
                // Another one was faster.
            }
        }
    }

    /// <summary>A new empty database, for a manager's settings.</summary>
    public async Task<PostgreSqlSettings> CreateDatabaseAsync(string? copyOf = null)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await ExecuteAsync(
                    "postgres",
                    $"CREATE DATABASE {name}{(copyOf is null ? "" : $" TEMPLATE {copyOf}")}"
                );
                return Settings(name);
            }
            catch (PostgresException e)
                when (e.SqlState == PostgresErrorCodes.ObjectInUse && patience.Elapsed < TimeSpan.FromSeconds(60))
            {
                // A connection to what is copied was closed and the server has not noticed yet; it waits 5 s itself.
            }
        }
    }

    public PostgreSqlSettings Settings(string database) =>
        new()
        {
            Host = "127.0.0.1",
            Port = Port,
            Database = database,
            User = User,
            Tls = DatabaseTls.Off,
        };

    /// <summary>Settings of a node that uses <paramref name="database"/>, each <c>key=value</c>.</summary>
    public IReadOnlyList<string> NodeSettings(string database) =>
        [
            "database.provider=postgresql",
            "database.host=127.0.0.1",
            $"database.port={Port}",
            $"database.name={database}",
            $"database.user={User}",
        ];

    public Task DropDatabaseAsync(string name) => ExecuteAsync("postgres", $"DROP DATABASE {name} WITH (FORCE)");

    public Task ExecuteAsync(string database, string sql) => QueryAsync<object>(database, sql);

    /// <summary>The first value of the first row.</summary>
    public async Task<T?> QueryAsync<T>(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(
            $"Host=127.0.0.1;Port={Port};Database={database};Username={User};Pooling=false;Timeout=30"
        );
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    /// <summary>Starts it on the data it has.</summary>
    public async Task StartAgainAsync()
    {
        string[] server =
        [
            .. AsUserWords(),
            Path.Combine(_bin, "postgres"),
            "-D",
            Data,
            "-h",
            "127.0.0.1",
            "-p",
            Port.ToString(CultureInfo.InvariantCulture),
            "-k",
            Directory,
            .. _settings.SelectMany(s => (string[])["-c", s]),
        ];
        _keeper = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-c", Keeper, "keeper", .. server])
            {
                RedirectStandardInput = true,
                RedirectStandardError = true,
                RedirectStandardOutput = true,
                WorkingDirectory = Directory,
            }
        )!;
        var said = new List<string>();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await _keeper.StandardError.ReadLineAsync(deadline.Token) is { } line)
        {
            said.Add(line);
            if (line.Contains("could not create any TCP/IP sockets", StringComparison.Ordinal))
            {
                await StopAsync();
                throw new PortTakenException($"PostgreSQL did not start:\n{string.Join('\n', said)}");
            }

            if (line.Contains("ready to accept connections", StringComparison.Ordinal))
            {
                // The pipe must not fill up while it serves.
                _ = _keeper.StandardError.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
                return;
            }
        }

        throw new InvalidOperationException($"PostgreSQL did not start:\n{string.Join('\n', said)}");
    }

    /// <summary>False once it gave up by itself.</summary>
    public bool IsRunning
    {
        get
        {
            try
            {
                return Alive(ProcessId);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or FormatException)
            {
                // It has taken its file away, or is about to.
                return false;
            }
        }
    }

    /// <summary>Ends it: <c>INT</c> breaks every connection off, <c>QUIT</c> does so without writing anything down.</summary>
    public async Task StopAsync(string signal = "INT")
    {
        if (_keeper is { } keeper)
        {
            if (IsRunning)
            {
                // It may end by itself at this moment.
                await RunAsync("sh", ["-c", $"kill -{signal} $(head -n 1 '{Data}/postmaster.pid') || true"]);
            }

            keeper.StandardInput.Close();
            await keeper.WaitForExitAsync();
            keeper.Dispose();
            _keeper = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync("QUIT");
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private static bool Alive(int process) => System.IO.Directory.Exists($"/proc/{process}");

    private static string AsUser() => AsUserWords().FirstOrDefault() ?? "env";

    private static string[] AsUserWords() =>
        Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : ["env"];

    private static async Task RunAsync(string program, IEnumerable<string> arguments)
    {
        IEnumerable<string> all = program == "setpriv" ? AsUserWords().Skip(1).Concat(arguments) : arguments;
        using var process = Process.Start(
            new ProcessStartInfo(program, all)
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
                WorkingDirectory = "/",
            }
        )!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program}: {await output}{error}");
    }

    private static string? FindBin() =>
        new[] { "/usr/lib/postgresql", "/usr/pgsql" }
            .Where(System.IO.Directory.Exists)
            .SelectMany(System.IO.Directory.GetDirectories)
            .OrderByDescending(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var v) ? v : 0)
            .Select(d => Path.Combine(d, "bin"))
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
            .FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "postgres")));

    // Below those that the system gives to whoever asks for any, and those of other tests: while the server is down nobody gets its
    // port by chance.
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(15_000, 20_000);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse) { }
        }
    }

    private sealed class PortTakenException(string message) : InvalidOperationException(message);
}
