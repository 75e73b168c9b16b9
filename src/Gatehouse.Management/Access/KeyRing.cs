using System.Xml.Linq;
using Gatehouse.Deployment.Trust;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Gatehouse.Management;

/// <summary>
/// The keys ASP.NET Core protects cookies and forms with, in the catalogue, each wrapped by the cluster key: every manager
/// takes what another one gave out, and they are in the backup.
/// </summary>
/// <param name="database">The catalogue's database.</param>
/// <param name="key">The cluster key.</param>
public sealed class KeyRing(CatalogueDatabase database, ClusterKey key) : IXmlRepository
{
    private const string Prefix = "data-protection/";

    /// <inheritdoc/>
    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var context = database.Open();
        return
        [
            .. context
                .Secrets.Where(s => s.Name.StartsWith(Prefix))
                .AsEnumerable()
                .Select(s => XElement.Parse(System.Text.Encoding.UTF8.GetString(key.Unwrap(s.Name, s.Wrapped)))),
        ];
    }

    /// <inheritdoc/>
    public void StoreElement(XElement element, string friendlyName)
    {
        ArgumentNullException.ThrowIfNull(element);
        var name = Prefix + friendlyName;
        using var context = database.Open();
        context.Secrets.Add(
            new()
            {
                Name = name,
                Wrapped = key.Wrap(
                    name,
                    System.Text.Encoding.UTF8.GetBytes(element.ToString(SaveOptions.DisableFormatting))
                ),
            }
        );
        context.SaveChanges();
    }
}
