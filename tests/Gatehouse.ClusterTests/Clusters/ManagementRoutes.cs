using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>A manager's route table, read from the routes themselves, so that none is forgotten here.</summary>
internal static class ManagementRoutes
{
    /// <summary>Every route as <c>METHOD /path/{parameter}</c>.</summary>
    public static IReadOnlyList<string> All()
    {
        using var key = CatalogueKey.Create();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore(); // a host wants a server; it is never started
        builder.Services.AddRouting();
        builder.Services.AddLogging();
        builder.Services.AddGatehouseManagement(
            new()
            {
                Cluster = "none",
                Database = CatalogueDatabase.Sqlite(Path.Combine(Path.GetTempPath(), "never-opened.db")),
                CatalogueKey = key,
                NodeName = "none",
                EncodeJoinToken = _ => "",
                Version = "0",
            }
        );
        var application = builder.Build();
        application.MapGatehouseManagement();
        return
        [
            .. ((IEndpointRouteBuilder)application)
                .DataSources.SelectMany(source => source.Endpoints)
                .OfType<RouteEndpoint>()
                .SelectMany(endpoint =>
                    endpoint
                        .Metadata.GetRequiredMetadata<IHttpMethodMetadata>()
                        .HttpMethods.Select(method => $"{method} /{endpoint.RoutePattern.RawText!.TrimStart('/')}")
                ),
        ];
    }
}
