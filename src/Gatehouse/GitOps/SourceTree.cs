using System.Collections.Immutable;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.GitOps;

/// <summary>A directory of sources, and the kinds there are, in the order in which they hang on each other.</summary>
internal static class SourceTree
{
    private const int MostFiles = 50_000;

    /// <summary>What others name comes first.</summary>
    public static ImmutableArray<SourceKind> Kinds { get; } =
    [
        new NamedKind<ApiCategory, ApiCategory>("Category", "categories", c => c, _ => [])
        {
            List = api => api.ListCategoriesAsync,
            Put = (api, name, category, stop) => api.PutCategoryAsync(name, category, stop),
            Remove = (api, name, stop) => api.DeleteCategoryAsync(name, stop),
        },
        new NamedKind<Plan, Plan>("Plan", "plans", p => p, LimitKinds.Plans.Check)
        {
            List = api => api.ListPlansAsync,
            Put = (api, name, plan, stop) => api.PutPlanAsync(name, plan, stop),
            Remove = (api, name, stop) => api.DeletePlanAsync(name, stop),
        },
        new NamedKind<ApplicationPolicy, ApplicationPolicy>(
            "ApplicationPolicy",
            "application-policies",
            p => p,
            LimitKinds.Applications.Check
        )
        {
            List = api => api.ListApplicationPoliciesAsync,
            Put = (api, name, policy, stop) => api.PutApplicationPolicyAsync(name, policy, stop),
            Remove = (api, name, stop) => api.DeleteApplicationPolicyAsync(name, stop),
        },
        new NamedKind<ApiPolicy, ApiPolicy>("ApiPolicy", "api-policies", p => p, LimitKinds.Apis.Check)
        {
            List = api => api.ListApiPoliciesAsync,
            Put = (api, name, policy, stop) => api.PutApiPolicyAsync(name, policy, stop),
            Remove = (api, name, stop) => api.DeleteApiPolicyAsync(name, stop),
        },
        new NamedKind<CustomRule, CustomRule>("CustomRule", "custom-rules", r => r, LimitKinds.Rules.Check)
        {
            List = api => api.ListCustomRulesAsync,
            Put = (api, name, rule, stop) => api.PutCustomRuleAsync(name, rule, stop),
            Remove = (api, name, stop) => api.DeleteCustomRuleAsync(name, stop),
        },
        new NamedKind<SetIssuer, Issuer>(
            "Issuer",
            "issuers",
            SetIssuer.Of,
            _ => [],
            i => i.Complete(),
            i => i.Name != "gatehouse"
        )
        {
            List = api => api.ListIssuersAsync,
            Put = (api, name, issuer, stop) => api.PutIssuerAsync(name, issuer, stop),
            Remove = (api, name, stop) => api.DeleteIssuerAsync(name, stop),
        },
        new NamedKind<AlertRule, AlertRule>(
            "AlertRule",
            "alert-rules",
            r => r with { Signed = false },
            r => r.Check(),
            r => r with { Signed = false },
            secrets: ["webhooks"]
        )
        {
            List = api => api.ListAlertRulesAsync,
            Put = (api, name, rule, stop) => api.PutAlertRuleAsync(name, rule, stop),
            Remove = (api, name, stop) => api.DeleteAlertRuleAsync(name, stop),
        },
        new ApiKind(),
        new ApplicationKind(),
    ];

    /// <summary>
    /// Everything a directory wants, in the order to apply it. Throws a <see cref="CommandFailure"/> that lists everything that
    /// is wrong, by file, line and column.
    /// </summary>
    public static ImmutableArray<WantedResource> Read(string directory, Terminal terminal)
    {
        if (!Directory.Exists(directory))
        {
            throw new CommandFailure(
                ExitCode.NotFound,
                "there is no such directory",
                directory,
                CommandFailure.FileFix
            );
        }

        var problems = new List<Problem>();
        var wanted = new Dictionary<(string, string), WantedResource>();
        var projects = OldProjects.Find(directory, terminal);
        foreach (var path in Files(directory, projects))
        {
            if (SourceFile.Read(path, terminal, problems) is not { } file)
            {
                continue;
            }

            var word =
                file.Content["kind"] is System.Text.Json.Nodes.JsonValue text && text.TryGetValue<string>(out var w)
                    ? w
                    : null;
            if (Kinds.FirstOrDefault(k => k.Word == word) is not { } kind)
            {
                var known = Kinds.Select(k => k.Word).ToList();
                problems.Add(
                    file.At(
                        "/kind",
                        word is null ? "nothing says what this is" : $"'{word}' is no kind",
                        word is not null && NearestName.Of(word, known) is { } near
                            ? $"did you mean '{near}'?"
                            : $"begin with kind: and one of {string.Join(", ", known)}"
                    )
                );
                continue;
            }

            Add(kind.Read(file, problems));
        }

        var apis = Kinds.OfType<ApiKind>().Single();
        foreach (var project in projects)
        {
            Add(OldProjects.Read(project, apis, terminal, problems));
        }

        return problems.Count > 0
            ? throw CommandFailure.Invalid(
                $"{directory} cannot be applied: {problems.Count} problem{(problems.Count == 1 ? "" : "s")}",
                [.. problems]
            )
            : [.. wanted.Values.OrderBy(w => Kinds.IndexOf(w.Kind)).ThenBy(w => w.Name, StringComparer.Ordinal)];

        void Add(WantedResource? resource)
        {
            if (resource is { Kind.Word: var word } && !wanted.TryAdd((word, resource.Name), resource))
            {
                problems.Add(
                    resource.File.At(
                        "/name",
                        $"{word} {resource.Name} stands in {wanted[(word, resource.Name)].File.Path} too",
                        "keep one of the two"
                    )
                );
            }
        }
    }

    // OpenAPI documents and what lies in hidden folders or in WSO2's projects are no sources.
    private static IEnumerable<string> Files(string directory, List<string> projects)
    {
        var all = Directory
            .EnumerateFiles(directory, "*.yaml", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(directory, "*.yml", SearchOption.AllDirectories))
            .Where(f => !Path.GetRelativePath(directory, f).Split('/', '\\').Any(part => part.StartsWith('.')))
            .Where(f => !Path.GetFileName(f).StartsWith("openapi.", StringComparison.Ordinal))
            .Where(f => !projects.Exists(p => f.StartsWith(Path.Join(p, "/"), StringComparison.Ordinal)))
            .Where(f => !Path.GetRelativePath(directory, f).Split('/', '\\').SkipLast(1).Contains("docs"))
            .Order(StringComparer.Ordinal)
            .Take(MostFiles + 1)
            .ToList();
        return all.Count > MostFiles
            ? throw new CommandFailure(
                ExitCode.Invalid,
                $"there are more than {MostFiles} files",
                directory,
                "is this the right directory?"
            )
            : all;
    }
}
