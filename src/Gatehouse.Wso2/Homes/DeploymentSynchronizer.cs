using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// carbon.xml <c>DeploymentSynchronizer</c>. The feed takes its place: always on, from managers to the rest. What each switch
/// of it comes to depends on what the node runs.
/// </summary>
internal static class DeploymentSynchronizer
{
    private const string Feed = "managers tell every change to every node within milliseconds, and nodes report back";

    public static void Read(ElementReader xml, HomeDraft home, XElement synchronizer)
    {
        var enabled =
            ElementReader.Find(synchronizer, "Enabled") is not { } element
            || HomeDraft.Switch(xml, element, ElementReader.TextOf(element)) is true;
        foreach (var child in synchronizer.Elements())
        {
            var text = ElementReader.TextOf(child);
            switch (child.Name.LocalName)
            {
                case "Enabled":
                    xml.NotNeeded(
                        child,
                        enabled ? $"synchronization is always on: {Feed}" : $"there is no switch: {Feed}"
                    );
                    break;
                case "AutoCommit":
                    ReadAutoCommit(xml, home, child, enabled, HomeDraft.Switch(xml, child, text));
                    break;
                case "AutoCheckout":
                    ReadAutoCheckout(xml, home, child, enabled, HomeDraft.Switch(xml, child, text));
                    break;
                case "RepositoryType":
                    xml.NotNeeded(child, $"no {text} repository lies between: {Feed}");
                    break;
                case "SvnUrl":
                    xml.NeedsYou(
                        child,
                        $"the repository is not read; if APIs are only there: svn export {text} old && gatehouse import wso2 old"
                    );
                    break;
                case "SvnPassword":
                    break; // a secret in plain text, judged as such
                default:
                    xml.NotNeeded(child, Feed);
                    break;
            }
        }
    }

    private static void ReadAutoCommit(ElementReader xml, HomeDraft home, XElement element, bool enabled, bool? commit)
    {
        if (commit is true && enabled && home.IsWorker)
        {
            xml.Dangerous(
                element,
                "this worker was allowed to write to the shared repository; workers here cannot write at all"
            );
        }
        else if (commit is not null)
        {
            xml.NotNeeded(
                element,
                home.IsWorker ? "workers do not write" : "each deployment is committed to the catalogue as it is made"
            );
        }
    }

    private static void ReadAutoCheckout(
        ElementReader xml,
        HomeDraft home,
        XElement element,
        bool enabled,
        bool? checkout
    )
    {
        if (checkout is false && enabled && home.IsWorker)
        {
            home.Set("node.hold", "true", xml.At(element));
            xml.Converted(
                element,
                "node.hold",
                "this worker takes no changes, revocations included, and is shown as held; without a table it takes one first"
            );
        }
        else if (checkout is not null)
        {
            xml.NotNeeded(element, home.IsWorker ? $"always: {Feed}" : "a manager reads the catalogue itself");
        }
    }
}
