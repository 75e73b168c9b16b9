using System.Reflection;
using System.Runtime.Loader;
using Gatehouse.Model;
using Gatehouse.Plugins;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// One plug-in's assemblies, apart from those of the node and of other plug-ins: two may need two versions of one library. Only
/// the contract is shared, for otherwise a plug-in's class would be none of ours.
/// </summary>
internal sealed class PluginAssembly : AssemblyLoadContext
{
    private static readonly AssemblyName s_contract = typeof(PolicyPlugin).Assembly.GetName();

    private readonly AssemblyDependencyResolver _resolver;

    private PluginAssembly(string path)
        : base($"plug-in {Path.GetFileNameWithoutExtension(path)}") => _resolver = new(path);

    /// <summary>The policies of the plug-in in a directory; none, and a problem, when there are none or it cannot be loaded.</summary>
    public static IReadOnlyList<Type> TypesOf(string directory, ICollection<Problem> problems)
    {
        var path = Path.Combine(Path.GetFullPath(directory), $"{Path.GetFileName(directory)}.dll");
        if (!File.Exists(path))
        {
            problems.Add(
                new(
                    "",
                    $"the plug-in has no assembly {Path.GetFileName(path)}",
                    "give the folder the assembly's name, or take it away",
                    directory
                )
            );
            return [];
        }

        try
        {
            var assembly = new PluginAssembly(path).LoadFromAssemblyPath(path);
            if (
                assembly.GetReferencedAssemblies().FirstOrDefault(a => a.Name == s_contract.Name) is { } built
                && built.Version?.Major != s_contract.Version?.Major
            )
            {
                throw new InvalidOperationException(
                    $"it was built for Gatehouse.Plugins {built.Version}, and this node has {s_contract.Version}"
                );
            }

            List<Type> types =
            [
                .. assembly
                    .GetExportedTypes()
                    .Where(t =>
                        t is { IsAbstract: false, IsGenericTypeDefinition: false }
                        && t.IsAssignableTo(typeof(PolicyPlugin))
                    ),
            ];
            if (types.Count == 0)
            {
                throw new InvalidOperationException("it has no public class that derives from PolicyPlugin<TSettings>");
            }

            return types;
        }
        catch (Exception fault)
        {
            problems.Add(
                new(
                    "",
                    $"the plug-in is not loaded: {fault.Message}",
                    "build it for .NET 10 and this version of Gatehouse.Plugins; APIs that use it are refused by this node until then",
                    path
                )
            );
            return [];
        }
    }

    protected override Assembly? Load(AssemblyName assemblyName) =>
        assemblyName.Name != s_contract.Name && _resolver.ResolveAssemblyToPath(assemblyName) is { } path
            ? LoadFromAssemblyPath(path)
            : null;

    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
