using System.Globalization;
using System.Numerics;

namespace Gatehouse.Portal.Kit;

/// <summary>Numbers and plurals as pages write them.</summary>
internal static class Words
{
    /// <summary><c>1 node</c>, <c>2 nodes</c>.</summary>
    public static string Count<T>(T number, string one, string? many = null)
        where T : INumber<T> => $"{Number(number)} {(number == T.One ? one : many ?? one + "s")}";

    /// <summary>With narrow spaces between thousands.</summary>
    public static string Number<T>(T number)
        where T : INumber<T> =>
        number.ToString("#,0", CultureInfo.InvariantCulture).Replace(",", "\u202f", StringComparison.Ordinal);

    /// <summary><c>2026-11-30 12:04</c>, UTC.</summary>
    public static string Moment(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    /// <summary>
    /// As part of an address, escaped the way the server writes addresses itself: Blazor takes <c>%3A</c> in the browser and
    /// <c>:</c> in a form's answer for two pages.
    /// </summary>
    public static string InPath(string part) =>
        new Microsoft.AspNetCore.Http.PathString("/" + part).ToUriComponent()[1..];

    /// <summary>A build without most of its commit's digits.</summary>
    public static string Version(string? version) =>
        version is null ? "–"
        : version.IndexOf('+', StringComparison.Ordinal) is > 0 and var plus && version.Length > plus + 9
            ? version[..(plus + 9)]
        : version;
}
