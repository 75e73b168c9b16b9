using System.Net;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
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
                        Password = () => Password(database),
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

    // Asked for at each connection: whoever changes the password changes the file, and no node restarts.
    private static string? Password(DatabaseSettings database)
    {
        if (database.Password is { } given)
        {
            return given;
        }

        var credentials = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY");
        var credential = string.IsNullOrEmpty(credentials) ? null : Path.Combine(credentials, "database.password");
        var file = database.PasswordFile ?? (File.Exists(credential) ? credential : null);
        if (file is null)
        {
            return null;
        }

        var text = System.Text.Encoding.UTF8.GetString(DurableFile.ReadSecret(file, groupMayRead: true));
        return text.Split('\n')[0].TrimEnd('\r');
    }

    private static bool IsHere(string host) =>
        host.StartsWith('/') || host == "localhost" || (IPAddress.TryParse(host, out var a) && IPAddress.IsLoopback(a));
}
