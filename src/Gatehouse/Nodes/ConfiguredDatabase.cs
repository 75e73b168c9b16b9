using System.Net;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.KeyManager;
using Gatehouse.Management;

namespace Gatehouse.Nodes;

/// <summary>The managers' database as this node's configuration says. Every context that lies in it is named here, once.</summary>
internal static class ConfiguredDatabase
{
    /// <summary>The database of the manager with that data directory. Nothing is opened yet.</summary>
    public static CatalogueDatabase Of(NodeSettings settings, string dataDirectory)
    {
        var database = settings.Database;
        var product =
            database.Provider == DatabaseProvider.Sqlite
                ? CatalogueDatabase.Sqlite(DataDirectory.CatalogueFile(dataDirectory))
                : CatalogueDatabase.PostgreSql(
                    new()
                    {
                        Host = database.Host,
                        Port = database.Port,
                        Database = database.Name,
                        User = database.User,
                        // Asked for at each connection: whoever changes the password changes the file, and no node restarts.
                        Password = () =>
                            ConfiguredSecret.Read(database.Password, database.PasswordFile, "database.password"),
                        Tls = database.Tls ?? (IsHere(database.Host) ? DatabaseTls.Off : DatabaseTls.VerifyFull),
                        AuthorityFile = database.AuthorityFile,
                        CertificateFile = database.CertificateFile,
                        KeyFile = database.KeyFile,
                        Connections = database.Connections,
                    }
                );
        return product.WithKeyManager();
    }

    /// <summary>What to tell an operator whose database does not answer a command.</summary>
    public static CommandFailure Failure(CatalogueDatabase database, DatabaseTrouble trouble, Exception cause) =>
        new(
            ExitCode.Failed,
            $"{trouble.Title}: {trouble.Detail.TrimEnd('.')}",
            database.Description,
            database.Embedded
                ? "look at the file, its disk and its owner"
                : "see that the server runs and that 'gatehouse config show --filter database' says what it should",
            cause: cause
        );

    private static bool IsHere(string host) =>
        host.StartsWith('/') || host == "localhost" || (IPAddress.TryParse(host, out var a) && IPAddress.IsLoopback(a));
}
