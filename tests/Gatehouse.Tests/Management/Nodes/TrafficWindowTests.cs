using Gatehouse.Deployment.Wire;
using Gatehouse.Management;

namespace Gatehouse.Tests.Management;

public sealed class TrafficWindowTests
{
    private static readonly DateTimeOffset s_began = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Rates_are_those_of_the_last_ten_seconds()
    {
        TrafficWindow? window = null;
        for (var second = 0; second <= 60; second++)
        {
            // Ten a second for half a minute, then forty; every fourth of those fails.
            var fast = Math.Max(0, second - 30);
            window = Next(
                window,
                second,
                (10 * (second - fast)) + (40 * fast),
                failed: 10 * fast,
                toBackend: 5 * second
            );
        }

        var view = window!.View()!;
        Assert.Equal((40, 10, 3), (view.RequestsPerSecond, view.FailedPerSecond, view.InFlight));
        var target = Assert.Single(view.Targets);
        Assert.Equal(("http://10.0.0.1:80", 5, true), (target.Name, target.RequestsPerSecond, target.Ill));
    }

    [Fact]
    public void Many_reports_a_second_count_as_one()
    {
        TrafficWindow? window = null;
        for (var quarter = 0; quarter <= 100; quarter++)
        {
            window = Next(window, quarter / 4.0, quarter);
        }

        Assert.Equal(4, window!.View()!.RequestsPerSecond);
    }

    [Fact]
    public void One_report_says_no_rate_and_a_node_that_began_anew_begins_anew()
    {
        var window = Next(null, 0, 1000);
        Assert.Null(window!.View());

        window = Next(window, 1, 1010);
        Assert.Equal(10, window!.View()!.RequestsPerSecond);

        window = Next(window, 2, 3);
        Assert.Null(window!.View());
        Assert.Null(TrafficWindow.Next(window, new(), s_began.AddSeconds(3)));
    }

    [Fact]
    public void A_target_that_counts_anew_is_given_nothing_rather_than_less_than_nothing()
    {
        var window = Next(Next(null, 0, 10, toBackend: 1000), 1, 20, toBackend: 1);

        Assert.Equal(0, window!.View()!.Targets.Single().RequestsPerSecond);
    }

    [Fact]
    public void No_node_decides_how_much_of_its_report_is_kept()
    {
        var report = new NodeReport { Traffic = new() { MoreTargets = 2 } };
        report.Traffic.Targets.Add(new TargetTraffic { Name = new('x', 100_000) });
        report.Traffic.Targets.AddRange(
            Enumerable.Range(0, 1_000).Select(i => new TargetTraffic { Name = $"http://10.0.0.1:{i}" })
        );

        var window = TrafficWindow.Next(null, report, s_began);
        var view = TrafficWindow.Next(window, report, s_began.AddSeconds(1))!.View()!;

        Assert.Equal((64, 939), (view.Targets.Length, view.MoreTargets));
        Assert.Equal("http://10.0.0.1:0", view.Targets[0].Name);
    }

    private static TrafficWindow? Next(
        TrafficWindow? known,
        double second,
        long requests,
        long failed = 0,
        long toBackend = 0
    )
    {
        var report = new NodeReport
        {
            Traffic = new()
            {
                Requests = requests,
                Failed = failed,
                InFlight = 3,
            },
        };
        report.Traffic.Targets.Add(
            new TargetTraffic
            {
                Name = "http://10.0.0.1:80",
                Requests = toBackend,
                Ill = true,
            }
        );
        return TrafficWindow.Next(known, report, s_began.AddSeconds(second));
    }
}
