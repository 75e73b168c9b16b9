using Gatehouse.Commands;
using Gatehouse.Deployment.Trust;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Model;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Gatehouse.Nodes;

/// <summary>
/// Sends spans and metrics to a collector, by OpenTelemetry's own variables (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>,
/// <c>OTEL_EXPORTER_OTLP_PROTOCOL</c>, <c>OTEL_TRACES_SAMPLER</c>, …). Off while none names a collector.
/// </summary>
internal sealed class NodeTelemetry : IDisposable
{
    private readonly TracerProvider? _traces;
    private readonly MeterProvider? _metrics;

    private NodeTelemetry(TracerProvider? traces, MeterProvider? metrics)
    {
        _traces = traces;
        _metrics = metrics;
    }

    /// <summary>Null when no collector is named.</summary>
    public static NodeTelemetry? Start(NodeIdentity identity)
    {
        var traces = Wanted("TRACES");
        var metrics = Wanted("METRICS");
        if (Of("OTEL_SDK_DISABLED") == "true" || (!traces && !metrics))
        {
            return null;
        }

        return new(
            traces
                ? Sdk.CreateTracerProviderBuilder()
                    .ConfigureResource(resource => Describe(resource, identity))
                    .AddSource(Telemetry.SourceName)
                    .AddOtlpExporter()
                    .Build()
                : null,
            metrics
                ? Sdk.CreateMeterProviderBuilder()
                    .ConfigureResource(resource => Describe(resource, identity))
                    .AddMeter(Telemetry.MeterName, "System.Runtime")
                    .AddOtlpExporter()
                    .Build()
                : null
        );
    }

    /// <summary>Sends what is left, within a few seconds.</summary>
    public void Dispose()
    {
        _traces?.Shutdown(3000);
        _metrics?.Shutdown(3000);
        _traces?.Dispose();
        _metrics?.Dispose();
    }

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come later and win.
    private static void Describe(ResourceBuilder resource, NodeIdentity identity) =>
        resource
            .AddService(
                "gatehouse",
                identity.Cluster,
                VersionCommand.Current,
                autoGenerateServiceInstanceId: false,
                identity.Node
            )
            .AddAttributes([new("gatehouse.profile", identity.Profile.Name())])
            .AddEnvironmentVariableDetector();

    private static bool Wanted(string signal) =>
        Of($"OTEL_{signal}_EXPORTER") != "none"
        && (Of("OTEL_EXPORTER_OTLP_ENDPOINT") ?? Of($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")) is not null;

    private static string? Of(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
