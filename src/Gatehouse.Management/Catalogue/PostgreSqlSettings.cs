namespace Gatehouse.Management;

/// <summary>Where a PostgreSQL database is and how it is reached.</summary>
public sealed record PostgreSqlSettings
{
    /// <summary>Host name, address, or the directory of a Unix socket.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port, or the number in the socket's name.</summary>
    public int Port { get; init; } = 5432;

    /// <summary>The database's name.</summary>
    public required string Database { get; init; }

    /// <summary>Who connects.</summary>
    public required string User { get; init; }

    /// <summary>
    /// The password, asked for at each new connection, so that a changed one needs no restart; null for none. Never shown.
    /// </summary>
    public Func<string?>? Password { get; init; }

    /// <summary>How the connection is protected.</summary>
    public DatabaseTls Tls { get; init; } = DatabaseTls.VerifyFull;

    /// <summary>PEM file of the authorities that may vouch for the database; null for the system's.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>PEM file of a client certificate; null for none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file of its key.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Most connections of this manager at once.</summary>
    public int Connections { get; init; } = 20;
}

/// <summary>How a connection to the database is protected. The names are libpq's <c>sslmode</c>.</summary>
public enum DatabaseTls
{
    /// <summary>In the clear.</summary>
    Off,

    /// <summary>Encrypted, to whoever answers.</summary>
    Require,

    /// <summary>Encrypted, to a server that a trusted authority vouches for.</summary>
    VerifyCa,

    /// <summary>The same, and its certificate names the host.</summary>
    VerifyFull,
}
