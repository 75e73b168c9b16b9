using System.Buffers;
using System.Globalization;
using System.Text;
using Gatehouse.Gateway.Transport;

namespace Gatehouse.Gateway.Accounting;

/// <summary>Writes counters in the Prometheus text format, families in the order they are begun.</summary>
internal sealed class PrometheusText(IBufferWriter<byte> destination)
{
    /// <summary>Begins a family; its samples follow.</summary>
    public void Family(string name, string type, string help) => Line($"# HELP {name} {help}\n# TYPE {name} {type}\n");

    public void Sample(string name, string labels, double value) =>
        Line(
            labels.Length == 0
                ? string.Create(CultureInfo.InvariantCulture, $"{name} {value}\n")
                : string.Create(CultureInfo.InvariantCulture, $"{name}{{{labels}}} {value}\n")
        );

    /// <summary>A label with its value escaped.</summary>
    public static string Label(string name, string value) =>
        $"{name}=\"{value.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";

    /// <summary>Requests by class of status and by duration, of everything that has a meter.</summary>
    public void Requests(string prefix, string label, IReadOnlyCollection<(string Name, RequestMeter Meter)> meters)
    {
        Family($"{prefix}_requests_total", "counter", "Requests by class of status; 0xx ended without an answer.");
        foreach (var (name, meter) in meters)
        {
            for (var status = 0; status < 6; status++)
            {
                if (meter.OfClass(status) is > 0 and var count)
                {
                    Sample($"{prefix}_requests_total", $"{Label(label, name)},status=\"{status}xx\"", count);
                }
            }
        }

        Family(
            $"{prefix}_request_duration_seconds",
            "histogram",
            "Time from the request's head to the end of its answer."
        );
        foreach (var (name, meter) in meters)
        {
            long sum = 0;
            for (var bucket = 0; bucket < RequestMeter.Buckets - 1; bucket++)
            {
                sum += meter.InBucket(bucket);
                Sample(
                    $"{prefix}_request_duration_seconds_bucket",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Label(label, name)},le=\"{RequestMeter.BoundOf(bucket)}\""
                    ),
                    sum
                );
            }

            sum += meter.InBucket(RequestMeter.Buckets - 1);
            Sample($"{prefix}_request_duration_seconds_bucket", $"{Label(label, name)},le=\"+Inf\"", sum);
            Sample($"{prefix}_request_duration_seconds_sum", Label(label, name), meter.Seconds);
            Sample($"{prefix}_request_duration_seconds_count", Label(label, name), sum);
        }
    }

    /// <summary>One loop's part of the family of lags.</summary>
    public void Lag(string name, string label, LagMeter meter)
    {
        long sum = 0;
        for (var bucket = 0; bucket < LagMeter.Buckets; bucket++)
        {
            sum += meter.InBucket(bucket);
            var bound = LagMeter.BoundOf(bucket).ToString(CultureInfo.InvariantCulture);
            Sample($"{name}_bucket", $"{label},le=\"{(bucket == LagMeter.Buckets - 1 ? "+Inf" : bound)}\"", sum);
        }

        Sample($"{name}_sum", label, meter.Seconds);
        Sample($"{name}_count", label, sum);
    }

    private void Line(string text) => Encoding.UTF8.GetBytes(text, destination);
}
