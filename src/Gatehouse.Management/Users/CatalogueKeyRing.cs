using System.Text;
using System.Xml.Linq;
using Gatehouse.Deployment.Trust;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// The keys that protect cookies and forms, in the catalogue's secrets, wrapped by the cluster key: what one manager
/// protected, every other one opens.
/// </summary>
internal sealed class CatalogueKeyRing(CatalogueDatabase database, ClusterKey key) : IXmlRepository
{
    private const string Prefix = "data-protection/";

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var context = database.Open();
        return
        [
            .. context
                .Secrets.AsNoTracking()
                .Where(s => s.Name.StartsWith(Prefix))
                .AsEnumerable()
                .Select(s => XElement.Parse(Encoding.UTF8.GetString(key.Unwrap(s.Name, s.Wrapped)))),
        ];
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        var name = Prefix + friendlyName;
        var wrapped = key.Wrap(name, Encoding.UTF8.GetBytes(element.ToString(SaveOptions.DisableFormatting)));
        using var context = database.Open();
        context.Secrets.Add(new() { Name = name, Wrapped = wrapped });
        context.SaveChanges();
    }
}
