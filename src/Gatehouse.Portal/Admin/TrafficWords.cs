using System.Globalization;

namespace Gatehouse.Portal.Admin;

/// <summary>Traffic in words.</summary>
internal static class TrafficWords
{
    /// <summary><c>no requests</c>, <c>4.2 requests/s</c>, <c>1 240 requests/s</c>.</summary>
    public static string Rate(double perSecond) => perSecond <= 0 ? "no requests" : $"{Number(perSecond)} requests/s";

    /// <summary>One digit after the point, as long as that says anything.</summary>
    public static string Number(double perSecond) =>
        perSecond < 100
            ? perSecond.ToString("0.#", CultureInfo.InvariantCulture)
            : Kit.Words.Number((long)Math.Round(perSecond));
}
