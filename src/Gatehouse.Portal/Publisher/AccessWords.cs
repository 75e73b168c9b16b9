using System.Text.Json;
using Gatehouse.Management;

namespace Gatehouse.Portal.Publisher;

/// <summary>Who may call an operation, as forms send it and as people read it.</summary>
internal static class AccessWords
{
    /// <summary>All of them, the widest first after the usual.</summary>
    public static OperationAuth[] All { get; } = Enum.GetValues<OperationAuth>();

    /// <summary>As REST and command line spell it.</summary>
    public static string Of(OperationAuth auth) => JsonNamingPolicy.KebabCaseLower.ConvertName($"{auth}");

    /// <summary>Null for what is none.</summary>
    public static OperationAuth? Read(string word) =>
        All.Where(a => Of(a) == word).Select(a => (OperationAuth?)a).FirstOrDefault();

    /// <summary>For people.</summary>
    public static string Title(OperationAuth auth) =>
        auth switch
        {
            OperationAuth.Application => "tokens of applications",
            OperationAuth.ApplicationUser => "tokens of users",
            OperationAuth.None => "anybody",
            _ => "as the API",
        };
}
